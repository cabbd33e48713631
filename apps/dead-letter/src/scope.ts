import { Problem, UUID } from '@assay/contracts';
import type { Principal } from '@assay/security';

/** The sources whose dead letters a key may see (GEN-8); null is every one. */
export function sourcesOf({ sources }: Principal): string[] | null {
  return sources === '*' ? null : sources;
}

/** An id of a path as Postgres can compare it; any other text names nothing. */
export function requireUuid(id: string): void {
  if (!UUID.test(id)) throw new Problem('not_found');
}

/** How histories name an operator. */
export function actorOf({ key_id }: Principal): string {
  return `key:${key_id}`;
}
