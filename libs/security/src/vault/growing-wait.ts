const FIRST_MS = 1_000;

/**
 * Doubles from 1 s to the cap, with half of it left to chance, so that replicas which failed together do not come back
 * together.
 *
 * @param failures from 1
 */
export function growingWaitMs(failures: number, cap_ms: number, random = Math.random): number {
  const ceiling_ms = Math.min(cap_ms, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return ceiling_ms * (0.5 + random() / 2);
}
