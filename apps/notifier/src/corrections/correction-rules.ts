import type { DeliveryState, Recipient, ReplayAction } from '@assay/contracts';
import { FAILED_DELIVERY_STATES } from '../delivery/index.js';
import type { DeliveryCause } from '../delivery/index.js';

/** A delivery of the replayed version, of whichever job. */
export interface VersionRow {
  id: string;
  channel: Recipient['channel'];
  address: string;
  job_id: string;
  state: DeliveryState;
  /** The deliveries whose dead letters are about this row; null: its own alone. */
  original_ids: string[] | null;
  /** The next row of its chain, where it is `replaced`. */
  replaced_by: string | null;
}

export interface Correction {
  action: ReplayAction;
  subject_type: string;
  subject_id: string;
  corrected_recipient: Recipient | null;
  /** A newer version of the changelist is known: nothing of this one is sent any more (ING-6). */
  too_late: boolean;
}

/** What becomes of one row. `cause` is null where its state stays. */
export interface RowChange {
  id: string;
  from_state: DeliveryState;
  state: DeliveryState;
  cause: DeliveryCause | null;
  /** The operator has decided what an unknown outcome means: it may be sent as if it never had been. */
  clears_doubt: boolean;
  replaced_by: string | null;
  original_ids: string[] | null;
}

export interface CorrectionPlan {
  changes: RowChange[];
  /** A row for a recipient that had none. */
  born: { id: string; replaces: string; recipient: Recipient; original_ids: string[] } | null;
  /** The rows that now stand for what was asked: how they stand is told, be it an end or a failure. */
  concerned: string[];
}

type Effect = 'leave' | 'try_again' | 'send_again' | 'waive' | 'replace';

/**
 * What an operator's action does to a delivery that stands so (DEL-10); whatever is not named is left as it is. What is
 * under way runs its course, what is settled stays so, and an unknown outcome is nobody's to try again but by `resend`,
 * which says that a duplicate is accepted (DEL-4).
 */
const EFFECTS: Record<ReplayAction, Partial<Record<DeliveryState, Effect>>> = {
  replay: { failed_permanent: 'try_again' },
  resend: { failed_permanent: 'send_again', unknown: 'send_again' },
  waive: { failed_permanent: 'waive', unknown: 'waive' },
  correct_recipient: { failed_permanent: 'replace', unknown: 'replace' },
};

/** What an action does, asked by name: one that this release does not know leaves everything as it is (OPS-5). */
export function effectOf(action: string, state: DeliveryState): Effect {
  return EFFECTS[action as ReplayAction]?.[state] ?? 'leave';
}

/** Rows of a version that belong to a job: its own, those of its recipients, and what these were replaced by. */
export function rowsOfJob<Row extends VersionRow>(
  rows: readonly Row[],
  job_id: string,
  subject_id: string,
  recipients: readonly Recipient[],
): Row[] {
  const named = rows.filter(
    (row) => row.job_id === job_id || row.id === subject_id || recipients.some((each) => isFor(row, each)),
  );
  const ids = new Set(named.map(({ id }) => id));
  return rows.filter((row) => ids.has(row.id) || row.original_ids?.some((id) => ids.has(id)));
}

/** The row that a dead letter's subject stands for by now: the last of its chain. */
export function lastOfChain<Row extends VersionRow>(rows: readonly Row[], subject_id: string): Row | undefined {
  return rows.find((row) => row.state !== 'replaced' && subjectsOf(row).includes(subject_id));
}

/** The deliveries that dead letters about a row name. */
export function subjectsOf(row: Pick<VersionRow, 'id' | 'original_ids'>): string[] {
  return row.original_ids ?? [row.id];
}

/**
 * What a replay that starts at `notify` does to the rows of its job: a pure function, so that each state and action can
 * be tried. `rows` are the job's own, `version` all of the version, `new_id` names a row that may have to be made.
 */
export function planCorrection(
  rows: readonly VersionRow[],
  version: readonly VersionRow[],
  correction: Correction,
  new_id: string,
): CorrectionPlan {
  const plan = new Plan(rows, version);
  for (const subject of subjectRows(rows, correction)) plan.apply(subject, correction, new_id);
  return plan.made();
}

/** Of a job every delivery that has failed; of a delivery the last of its chain. */
function subjectRows(rows: readonly VersionRow[], { subject_type, subject_id }: Correction): VersionRow[] {
  if (subject_type === 'job') return rows.filter(({ state }) => isFailed(state));
  const last = lastOfChain(rows, subject_id);
  return last ? [last] : [];
}

class Plan {
  readonly #changes = new Map<string, RowChange>();
  readonly #concerned = new Set<string>();
  #born: CorrectionPlan['born'] = null;

  constructor(
    rows: readonly VersionRow[],
    private readonly version: readonly VersionRow[],
  ) {
    for (const row of rows) this.#changes.set(row.id, unchanged(row));
  }

  made(): CorrectionPlan {
    return { changes: [...this.#changes.values()], born: this.#born, concerned: [...this.#concerned] };
  }

  apply(subject: VersionRow, correction: Correction, new_id: string): void {
    const effect = effectOf(correction.action, subject.state);
    const to = correction.corrected_recipient;
    if (effect === 'waive') this.#move(subject, { state: 'waived', cause: 'waived' });
    else if (effect !== 'leave' && correction.too_late) {
      this.#move(subject, { state: 'superseded', cause: 'superseded_by_newer_version' });
    } else if (effect === 'replace') this.#correct(subject, correction, to, new_id);
    else if (effect === 'try_again') this.#move(subject, { state: 'pending', cause: 'replayed' });
    else if (effect === 'send_again') this.#move(subject, { state: 'pending', cause: 'resent', clears_doubt: true });
    else this.#concerned.add(subject.id);
  }

  /** One mistaken address, so one delivery: a job's are not corrected together. */
  #correct(subject: VersionRow, correction: Correction, to: Recipient | null, new_id: string): void {
    if (to === null || correction.subject_type === 'job') {
      this.#concerned.add(subject.id);
      return;
    }
    // The address that it had: that is trying again, which an unknown outcome is not open to.
    if (isFor(subject, to)) {
      this.apply(subject, { ...correction, action: 'replay' }, new_id);
      return;
    }
    const standing = this.version.find((row) => isFor(row, to));
    const replaced_by = standing?.id ?? new_id;
    this.#move(subject, { state: 'replaced', cause: 'recipient_corrected', replaced_by });
    this.#concerned.delete(subject.id);
    this.#concerned.add(replaced_by);
    if (standing) this.#join(standing, subject);
    else this.#born = { id: new_id, replaces: subject.id, recipient: to, original_ids: subjectsOf(subject) };
  }

  /** The corrected recipient has a delivery already: it stands for both, and is tried again unless it is settled. */
  #join(standing: VersionRow, subject: VersionRow): void {
    const passed_on = standing.state === 'replaced';
    const own = passed_on ? [] : subjectsOf(standing);
    const original_ids = [...new Set([...own, ...subjectsOf(subject)])];
    const again = REVIVED_BY_CORRECTION.includes(standing.state);
    this.#changes.set(standing.id, {
      ...unchanged(standing),
      ...(again && { state: 'pending', cause: 'recipient_corrected' }),
      original_ids,
      replaced_by: null,
    });
  }

  #move(row: VersionRow, change: Partial<RowChange>): void {
    this.#changes.set(row.id, { ...unchanged(row), ...change });
    this.#concerned.add(row.id);
  }
}

/** States of a corrected recipient's own delivery that a correction ends: it is told after all. */
const REVIVED_BY_CORRECTION: readonly DeliveryState[] = ['failed_permanent', 'waived', 'replaced'];

function unchanged({ id, state, replaced_by, original_ids }: VersionRow): RowChange {
  return { id, from_state: state, state, cause: null, clears_doubt: false, replaced_by, original_ids };
}

function isFor(row: VersionRow, { channel, address }: Recipient): boolean {
  return row.channel === channel && row.address === address;
}

function isFailed(state: DeliveryState): boolean {
  return (FAILED_DELIVERY_STATES as readonly DeliveryState[]).includes(state);
}
