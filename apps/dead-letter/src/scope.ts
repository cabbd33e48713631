import { Problem, UUID } from '@assay/contracts';

/** An id of a path as Postgres can compare it; any other text names nothing. */
export function requireUuid(id: string): void {
  if (!UUID.test(id)) throw new Problem('not_found');
}
