import { Failure, Problem } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { HELD_UP } from './acceptance.service.js';
import { BATCHER_FULL } from './batcher.js';

const log = createLog('ingest.submissions', ['submission_unconfirmed']);

/** What these say is certain: nothing was done. */
const NOT_STORED = [BATCHER_FULL, HELD_UP];
const RETRY_AFTER_S = '1';
const UNCONFIRMED =
  'The submission may or may not have been stored: nobody has confirmed it. Sending it again with the same idempotency ' +
  'key is safe: it is stored once, and answered with its job.';

/** What 503 says of a submission that was refused before anything was done (ING-10). */
export function notStored(why: string): string {
  return `The submission was not stored: ${why}. Send it again with the same idempotency key.`;
}

/** Throws the 503 of a submission that could not be confirmed as durable; anything else as it is (ING-10). */
export function throwUnconfirmed(thrown: unknown): never {
  const failure = Failure.from(thrown);
  if (thrown instanceof Problem || !failure.retryable) throw thrown;
  const { code, error_class, message } = failure;
  log.warn('submission_unconfirmed', { error_class, code });
  const detail = NOT_STORED.includes(code) ? notStored(message) : UNCONFIRMED;
  throw new Problem('unavailable', { detail, headers: { 'retry-after': RETRY_AFTER_S }, cause: thrown });
}
