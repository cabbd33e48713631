import { Problem } from '@assay/contracts';

/** Denied paths that an answer lists; their number is always told. */
const MAX_LISTED = 100;

/** What refuses a submission of which changed files lie outside the allow-list (ING-7). */
export function deniedProblem(denied_paths: readonly string[]): Problem {
  return new Problem('depot_path_not_allowed', {
    extensions: { denied: denied_paths.length, denied_paths: denied_paths.slice(0, MAX_LISTED) },
  });
}
