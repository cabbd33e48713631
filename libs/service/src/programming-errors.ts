import type { Failure } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';

const log = createLog('service', ['programming_error']);
const errors = counter('assay_programming_errors_total', 'Bugs met, by where. Any increase pages (DLQ-1).');

/** A bug (DLQ-1): one log event and one metric, both of which an alert rule pages on. */
export function reportProgrammingError(where: string, failure: Failure, fields: Record<string, unknown> = {}): void {
  errors.add(1, { where });
  log.error('programming_error', { where, ...fields, code: failure.code }, failure.cause ?? failure);
}
