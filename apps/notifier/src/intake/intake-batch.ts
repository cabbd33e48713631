import { Inject, Injectable } from '@nestjs/common';
import { eventKey } from '@assay/contracts';
import type { OutgoingEvent, ReceivedEvent, ReviewValidated } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { reviewLinks } from '@assay/service';
import type { PublicUrls } from '@assay/service';
import { v7 } from 'uuid';
import {
  Cancellations,
  countsAsFailed,
  byParent,
  countsAsOpen,
  deliveryKey,
  DeliveryRepository,
  once,
  parentDeltas,
  parentKey,
  settledEvent,
  SMALL_BYTES,
} from '../delivery/index.js';
import type {
  ChangedDelivery,
  DeliveryRow,
  DeliveryToQueue,
  Parent,
  ParentDelta,
  ReviewReference,
} from '../delivery/index.js';
import { renderingInput } from '../rendering/index.js';
import type { RenderingInput } from '../rendering/index.js';
import { IntakeRepository } from './intake.repository.js';
import type { AdoptedDelivery, InsertedReview, KnownVersions, NewDelivery, NewReview } from './intake.repository.js';

type Validated = ReceivedEvent<ReviewValidated>;

/** A delivery with work to do now. */
export interface BornDelivery {
  row: DeliveryRow;
  review: ReviewReference;
  /** The review itself, where it is small enough to be kept until the delivery is sent; else it is read again. */
  at_hand?: () => RenderingInput;
  priority: number;
  correlation_id: string;
  traceparent: string | null;
}

export interface IntakeResult {
  born: BornDelivery[];
  /** Deliveries of an earlier job that are tried again: read from their rows, which may have frozen another review. */
  revived: DeliveryToQueue[];
  /** What is to be published at once, with no delivery made: adopted, superseded, or told again. */
  tell: { parent: Parent; event: OutgoingEvent }[];
  known: { job_id: string; generation: number }[];
  adopted: AdoptedDelivery[];
  superseded: ChangedDelivery[];
  cancelled: ChangedDelivery[];
}

/** The statements of one round, in the order that keeps locks free of cycles: changelists, deliveries, parents. */
@Injectable()
export class IntakeBatch {
  constructor(
    @Inject(IntakeRepository) private readonly intake: IntakeRepository,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(Cancellations) private readonly cancellations: Cancellations,
  ) {}

  async store(tx: Tx, actor: string, round: readonly Validated[], links: PublicUrls): Promise<IntakeResult> {
    this.intake.lockChangelists(
      tx,
      round.map(({ key }) => key),
    );
    const [inserted, known_versions] = await Promise.all([
      this.intake.insertReviews(
        tx,
        round.map((event) => newReview(event, links)),
      ),
      this.intake.knownVersions(
        tx,
        round.map(({ data }) => data),
      ),
    ]);
    const new_keys = new Set(inserted.map(parentKey));
    const fresh = round.filter(({ data }) => new_keys.has(parentKey(data)));
    const known = round.filter(({ data }) => !new_keys.has(parentKey(data))).map(({ data }) => data);
    const versions = versionsOf(fresh, known_versions);
    const { created, adopted } = await this.#deliveries(tx, actor, fresh, versions);
    const superseded = await this.#supersede(tx, actor, versions);
    const cancelled = await this.#cancel(tx, inserted);
    const tell = await this.#tell(tx, { fresh, known, adopted, superseded, cancelled, created });
    const over = new Set(cancelled.map(({ id }) => id));
    const born = bornDeliveries(fresh, created, links).filter(({ row }) => !over.has(row.id));
    const revived = revivedDeliveries(fresh, adopted).filter(({ id }) => !over.has(id));
    return { born, revived, tell, known, adopted, superseded, cancelled };
  }

  /** New rows; where one stands already it is adopted. Of a review that came too late they are born superseded. */
  async #deliveries(
    tx: Tx,
    actor: string,
    fresh: readonly Validated[],
    versions: ReadonlyMap<string, KnownVersions>,
  ): Promise<{ created: NewDelivery[]; adopted: AdoptedDelivery[] }> {
    const wanted = fresh.flatMap((event) =>
      newDeliveries(event, versions.get(event.key)!.newest > event.data.review_version),
    );
    if (wanted.length === 0) return { created: [], adopted: [] };
    const new_ids = await this.intake.insertDeliveries(tx, wanted);
    const standing = wanted.filter(({ id }) => !new_ids.has(id));
    const adopted =
      standing.length === 0
        ? []
        : await this.intake.adopt(
            tx,
            actor,
            standing.map((row) => ({ ...row, revive: row.state === 'pending' })),
          );
    return { created: wanted.filter(({ id }) => new_ids.has(id)), adopted };
  }

  async #supersede(tx: Tx, actor: string, versions: ReadonlyMap<string, KnownVersions>): Promise<ChangedDelivery[]> {
    const several = [...versions.values()].filter(({ oldest, newest }) => oldest < newest);
    return several.length === 0 ? [] : this.intake.supersede(tx, actor, several);
  }

  /** The word that a job was cancelled may come before the word that it was judged (GEN-9). */
  async #cancel(tx: Tx, inserted: readonly InsertedReview[]): Promise<ChangedDelivery[]> {
    const cancelled = inserted.filter((review) => review.cancelled);
    return cancelled.length === 0 ? [] : this.cancellations.waive(tx, cancelled);
  }

  /** Brings parents' counts to what has just been stored, and says what there is to say of them. */
  async #tell(tx: Tx, stored: Stored): Promise<IntakeResult['tell']> {
    const { fresh, known, adopted, superseded, cancelled, created } = stored;
    const ended = [...superseded, ...cancelled];
    const deltas = new Map<string, ParentDelta>();
    for (const delta of parentDeltas(ended)) addDelta(deltas, delta);
    for (const delta of adoptionDeltas(fresh, adopted, created)) addDelta(deltas, delta);
    const standing = await this.repository.readParents(tx, known);
    // One that is asked again while it is open gives news, so that nobody takes it for forgotten (ING-11).
    for (const { job_id, generation, summary } of standing.values()) {
      if (summary.open > 0) addDelta(deltas, { job_id, generation, open: 0, failed: 0 });
    }
    const parents = await this.repository.changeParents(tx, [...deltas.values()]);
    const named = new Set([...ended, ...known].map(parentKey));
    const told = [...parents.values()].filter((parent) => parent.summary.open === 0 || named.has(parentKey(parent)));
    // One that has ended says the same again, under the same event id (GEN-2).
    const again = [...standing.values()].filter((parent) => !parents.has(parentKey(parent)));
    const settled = byParent(ended);
    return [...told, ...again].map((parent) => ({
      parent,
      event: settledEvent(parent, settled.get(parentKey(parent)) ?? []),
    }));
  }
}

interface Stored {
  fresh: readonly Validated[];
  known: readonly ReviewValidated[];
  adopted: readonly AdoptedDelivery[];
  superseded: readonly ChangedDelivery[];
  cancelled: readonly ChangedDelivery[];
  created: readonly NewDelivery[];
}

/** By the changelist's key; those of reviews that were known have had their effect. */
function versionsOf(fresh: readonly Validated[], rows: readonly KnownVersions[]): Map<string, KnownVersions> {
  const keys = new Set(fresh.map(({ key }) => key));
  const by_key = rows.map((row): [string, KnownVersions] => [eventKey(row.source, row.changelist_id), row]);
  return new Map(by_key.filter(([key]) => keys.has(key)));
}

function newReview({ data, bytes, correlation_id, traceparent }: Validated, links: PublicUrls): NewReview {
  const { job_id, generation, source, changelist_id, review_version, priority, recipients } = data;
  return {
    ...{ job_id, generation, source, changelist_id, review_version, priority, correlation_id, traceparent },
    open: recipients.length,
    ...linksOf(job_id, links),
    validated: bytes,
  };
}

function linksOf(job_id: string, links: PublicUrls): { job_url: string; findings_url: string } {
  const { job, findings } = reviewLinks(job_id, links);
  return { job_url: job, findings_url: findings };
}

function newDeliveries({ data }: Validated, too_late: boolean): NewDelivery[] {
  const { source, changelist_id, review_version, job_id, generation } = data;
  return data.recipients.map((recipient) => ({
    id: v7(),
    ...{ source, changelist_id, review_version, ...recipient, job_id, generation },
    key: deliveryKey({ source, changelist_id, recipient, review_version }),
    state: too_late ? 'superseded' : 'pending',
  }));
}

function addDelta(deltas: Map<string, ParentDelta>, delta: ParentDelta): void {
  const known = deltas.get(parentKey(delta));
  if (!known) deltas.set(parentKey(delta), { ...delta });
  else {
    known.open += delta.open;
    known.failed += delta.failed;
  }
}

/**
 * New parents were stored as if every delivery were new and open. Rows that were adopted, or born superseded, count as
 * they stand; the parent that an adopted row leaves loses what it counted there.
 */
function adoptionDeltas(
  fresh: readonly Validated[],
  adopted: readonly AdoptedDelivery[],
  created: readonly NewDelivery[],
): ParentDelta[] {
  const deltas: ParentDelta[] = [];
  for (const { job_id, generation, state, from_state, from_job_id, from_generation, followed } of adopted) {
    const counted = followed ? 0 : 1;
    deltas.push({ job_id, generation, open: countsAsOpen(state) - counted, failed: countsAsFailed(state) });
    if (from_job_id === job_id && from_generation === generation) continue;
    const left = { open: -countsAsOpen(from_state), failed: -countsAsFailed(from_state) };
    if (left.open !== 0) deltas.push({ job_id: from_job_id, generation: from_generation, ...left, failed: 0 });
  }
  for (const { job_id, generation, state } of created) {
    if (state === 'superseded') deltas.push({ job_id, generation, open: -1, failed: 0 });
  }
  for (const { data } of fresh) {
    if (data.recipients.length === 0)
      deltas.push({ job_id: data.job_id, generation: data.generation, open: 0, failed: 0 });
  }
  return deltas;
}

function bornDeliveries(
  fresh: readonly Validated[],
  created: readonly NewDelivery[],
  links: PublicUrls,
): BornDelivery[] {
  const events = new Map(fresh.map((event) => [parentKey(event.data), event]));
  const small = fresh.filter(({ bytes }) => bytes.length <= SMALL_BYTES);
  const at_hand = new Map(small.map(({ data }) => [parentKey(data), once(() => inputOf(data, links))]));
  const born = (row: DeliveryRow): BornDelivery => {
    const { data, bytes, correlation_id, traceparent } = events.get(parentKey(row))!;
    const { job_id, generation, priority } = data;
    const review = { job_id, generation, bytes: bytes.length };
    return { row, review, at_hand: at_hand.get(parentKey(row)), priority, correlation_id, traceparent };
  };
  return created.filter(({ state }) => state === 'pending').map((row) => born({ ...row, ...UNTOUCHED }));
}

function revivedDeliveries(fresh: readonly Validated[], adopted: readonly AdoptedDelivery[]): DeliveryToQueue[] {
  const events = new Map(fresh.map((event) => [parentKey(event.data), event]));
  return adopted
    .filter(({ state, from_state }) => state === 'pending' && from_state !== 'pending')
    .map(({ id, channel, address, job_id, generation }) => {
      const { data, correlation_id, traceparent } = events.get(parentKey({ job_id, generation }))!;
      const { source, priority } = data;
      return { id, source, channel, address, generation, priority, correlation_id, traceparent };
    });
}

function inputOf(data: ReviewValidated, links: PublicUrls): RenderingInput {
  return renderingInput(data, reviewLinks(data.job_id, links));
}

const UNTOUCHED = {
  intent_token: null,
  open_intent_age_ms: null,
  doubt_age_ms: null,
  sent_via: null,
  notification_id: null,
  notified_at: null,
  frozen: null,
  compact_bytes: null,
  filter: null,
  first_attempt_at: null,
  waits_ms: 0,
  newer_version_known: false,
  cancelled: false,
};
