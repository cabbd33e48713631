import { Failure } from '@assay/contracts';
import type { ErrorClass, OutgoingEvent } from '@assay/contracts';
import { countsAsFailed, countsAsOpen, deadLetterEvents, settledEvent } from '../delivery/index.js';
import type { ChangedDelivery, Parent, ParentDelta } from '../delivery/index.js';
import type { CorrectionPlan } from './correction-rules.js';
import type { LockedRow } from './corrections.repository.js';

type Generation = { job_id: string; generation: number };

/**
 * What the new parent counts, and what the parents that rows leave count less. As with adoption, a parent that has
 * ended keeps what failed under it.
 */
export function parentDeltasOf(begun: Generation, plan: CorrectionPlan, version: readonly LockedRow[]): ParentDelta[] {
  const { job_id, generation } = begun;
  const own: ParentDelta = { job_id, generation, open: plan.born === null ? 0 : 1, failed: 0 };
  const left = new Map<string, ParentDelta>();
  for (const { id, from_state, state } of plan.changes) {
    own.open += countsAsOpen(state);
    own.failed += countsAsFailed(state);
    const row = version.find((each) => each.id === id)!;
    if (countsAsOpen(from_state) === 0) continue;
    const key = `${row.job_id}:${row.generation}`;
    const before = left.get(key) ?? { job_id: row.job_id, generation: row.generation, open: 0, failed: 0 };
    left.set(key, { ...before, open: before.open - 1 });
  }
  return [own, ...left.values()];
}

/** The rows that stand for what was asked, as the plan leaves them; the new row is open, and has nothing to say yet. */
export function concernedRows(plan: CorrectionPlan, version: readonly LockedRow[], of: Generation): LockedRow[] {
  const changes = new Map(plan.changes.map((change) => [change.id, change]));
  return version
    .filter(({ id }) => plan.concerned.includes(id))
    .map((row) => {
      const { state, original_ids } = changes.get(row.id)!;
      return { ...row, state, original_ids, job_id: of.job_id, generation: of.generation };
    });
}

/**
 * What there is to say at once. A row that has failed and stays so is told as a dead letter of this generation: whoever
 * asked must never wait for an answer that does not come (DLQ-9). An end is told with its row, whatever else is open.
 */
export function correctionEvents(
  parent: Parent,
  concerned: readonly LockedRow[],
  destinationOf: (row: LockedRow) => string,
): OutgoingEvent[] {
  const settled = concerned.filter(({ state }) => countsAsOpen(state) + countsAsFailed(state) === 0);
  const failed = concerned.filter(({ state }) => countsAsFailed(state) === 1);
  const letters = failed.flatMap((row) => deadLetterEvents(parent, factsOf(row, destinationOf(row))));
  const nothing_else = letters.length === 0 && parent.summary.open === 0;
  return settled.length > 0 || nothing_else ? [settledEvent(parent, settled.map(changed)), ...letters] : letters;
}

/** Nothing was tried: the failure is the one that the row has borne since. */
function factsOf(row: LockedRow, destination: string) {
  const unknown = row.state === 'unknown';
  const error_class = (unknown ? 'OUTCOME_UNKNOWN' : row.error_class) as ErrorClass;
  const failure = new Failure({
    error_class,
    code: row.error_code ?? 'intent_without_outcome',
    retryable: false,
    message: unknown ? 'it may have been sent: resend, waive or correct it' : 'the action left it as it was',
  });
  const since = { first_failure_at: row.updated_at, last_failure_at: row.updated_at };
  return { delivery: changed(row), destination, error_class, failure, attempts: 0, ...since };
}

function changed(row: LockedRow): ChangedDelivery {
  return { ...row, from_state: row.state };
}
