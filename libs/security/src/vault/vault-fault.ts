/**
 * `away`, `sealed`: may pass by itself. `login_refused`: the vault does not let this process in. `denied`, `missing`,
 * `unusable`: one secret is not allowed, not there, or not what is needed.
 */
export type VaultFaultKind = 'away' | 'sealed' | 'login_refused' | 'denied' | 'missing' | 'unusable';

/** Why a secret could not be had. The message is one line, and holds no value, token or secret id. */
export class VaultFault extends Error {
  constructor(
    readonly kind: VaultFaultKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'VaultFault';
  }

  /** Whether a moment's patience may mend it. */
  get passing(): boolean {
    return this.kind === 'away' || this.kind === 'sealed';
  }

  /** Whether every other secret would meet the same. */
  get concernsAll(): boolean {
    return this.passing || this.kind === 'login_refused';
  }
}

/** Of an error of the system or of undici, for people: its code, never its message, which may quote what was sent. */
export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : (name ?? 'unknown');
}
