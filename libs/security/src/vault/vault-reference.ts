const SEGMENT = String.raw`(?!\.{1,2}(?:[/#]|$))[^\s/#?%]+`;
const SEGMENTS = `${SEGMENT}(?:/${SEGMENT})*`;

/**
 * What stands after `vault:`. The mount ends at the first `/`; one that has a `/` in its name ends at `//`:
 * `app/ingest#postgres_url`, `team/kv//ingest#postgres_url`.
 */
export const VAULT_REFERENCE = new RegExp(
  `^(?:(?<long_mount>${SEGMENTS})//|(?<mount>${SEGMENT})/)(?<path>${SEGMENTS})#(?<key>\\S(?:.*\\S)?)$`,
);

export interface VaultReference {
  /** As the API has it: `app/data/ingest`. */
  api_path: string;
  key: string;
}

/** Of a name that has the form {@link VAULT_REFERENCE}. */
export function readVaultReference(name: string): VaultReference {
  const { long_mount, mount = long_mount, path, key } = VAULT_REFERENCE.exec(name)?.groups ?? {};
  if (mount === undefined || path === undefined || key === undefined) throw new Error('no reference to a vault');
  const encoded = (segments: string): string => segments.split('/').map(encodeURIComponent).join('/');
  return { api_path: `${encoded(mount)}/data/${encoded(path)}`, key };
}
