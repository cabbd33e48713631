/**
 * What this library has to tell an operator. It stands below the log (which needs its redactor), so it hands notices
 * to whoever listens: `startTelemetry` of @assay/observability writes them down and counts them.
 */
export type SecurityNotice =
  | { event: 'file_reloaded'; path: string; what: string }
  | { event: 'file_refused'; path: string; what: string; error: unknown }
  /** A secret from the vault has changed, or what the vault says of it now cannot be used and the last good value stays. */
  | { event: 'secret_reloaded'; reference: string }
  | { event: 'secret_refused'; reference: string; error: unknown }
  /** The vault cannot be read any more, and again; told once. */
  | { event: 'vault_lost'; error: unknown }
  | { event: 'vault_regained' }
  | { event: 'vault_login'; outcome: 'logged_in' | 'renewed' | 'failed' }
  | { event: 'credential_refused'; reason: 'missing' | 'unknown' | 'expired' | 'role'; route: string; key_id?: string };

type Listener = (notice: SecurityNotice) => void;
const listeners = new Set<Listener>();

/** Returns the function that ends the subscription. */
export function onSecurityNotice(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function notify(notice: SecurityNotice): void {
  for (const listener of listeners) listener(notice);
}
