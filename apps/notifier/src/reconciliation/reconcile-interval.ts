/** Nest token: how often each replica reconciles, in milliseconds; null where only the command does. */
export const RECONCILE_INTERVAL_MS = Symbol('ReconcileIntervalMs');
