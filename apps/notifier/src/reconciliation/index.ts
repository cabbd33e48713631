export { reconcileOnce } from './reconcile-once.js';
export { EvidenceChecks } from './evidence-checks.js';
export { RECONCILE_INTERVAL_MS } from './reconcile-interval.js';
export { Reconciler } from './reconciler.js';
export type { Reconciliation } from './reconciler.js';
