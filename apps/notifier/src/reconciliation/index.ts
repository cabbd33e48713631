export { reconcileOnce } from './reconcile-once.js';
export { RECONCILE_INTERVAL_MS, Reconciler } from './reconciler.js';
export type { Reconciliation } from './reconciler.js';
