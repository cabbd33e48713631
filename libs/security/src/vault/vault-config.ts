/** Where the vault is and how a process shows who it is. Files are read anew whenever they are needed. */
export interface VaultConfig {
  /** `https://vault.example.org:8200`, without a slash at its end. */
  address: string;
  namespace: string | null;
  /** The authorities that sign the vault's certificate, PEM; null: those that Node brings. */
  ca_file: string | null;
  auth: VaultAuth;
  /** How often values are looked at: KV has no leases, and so says nothing of a change. */
  poll_ms: number;
}

export type VaultAuth =
  /** By the projected token of a service account, whose audience the role names. */
  | { method: 'kubernetes'; mount: string; role: string; token_file: string }
  | { method: 'approle'; mount: string; role_id_file: string; secret_id_file: string }
  /** By a token that somebody else keeps in a file: an agent, or an operator. */
  | { method: 'token_file'; token_file: string };
