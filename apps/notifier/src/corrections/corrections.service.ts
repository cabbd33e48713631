import { Inject, Injectable } from '@nestjs/common';
import { canonicalRecipient, eventKey } from '@assay/contracts';
import type { ReceivedEvent, Recipient, ReplayAccepted, ReviewValidated } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import { v7 } from 'uuid';
import {
  deliveries,
  DeliveryItems,
  DeliveryRepository,
  DeliveryWorker,
  parentKey,
  settledEvent,
} from '../delivery/index.js';
import type { Parent } from '../delivery/index.js';
import { IntakeRepository, parentItem } from '../intake/index.js';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { concernedRows, correctionEvents, parentDeltasOf } from './correction-events.js';
import { planCorrection, rowsOfJob } from './correction-rules.js';
import type { CorrectionPlan } from './correction-rules.js';
import { CorrectionsRepository } from './corrections.repository.js';
import type { LockedRow } from './corrections.repository.js';
import type { BegunParent } from './sql/begin-generation.js';

const log = createLog('notifier.corrections', ['replay_begun', 'replay_known', 'replay_outdated', 'review_not_known']);
const replays = counter('assay_notifier_replays_total', 'Replays that start at notify, by how they were taken');

/** How a replay was taken: `outdated` where a later generation is known (GEN-9). */
type Taken = 'begun' | 'known' | 'outdated' | 'not_known';

/** Does what operators ask of deliveries (DEL-10): a new generation of the job, and one action on what failed. */
@Injectable()
export class CorrectionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryWorker) private readonly deliveryWorker: DeliveryWorker,
    @Inject(DeliveryItems) private readonly items: DeliveryItems,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(IntakeRepository) private readonly intake: IntakeRepository,
    @Inject(CorrectionsRepository) private readonly corrections: CorrectionsRepository,
    @Inject(PROVIDERS) private readonly providers: Providers,
  ) {}

  /** One transaction each: operators' actions are few, and the pace of a plan is set. */
  async take(events: readonly ReceivedEvent<ReplayAccepted>[]): Promise<void> {
    // One that starts earlier comes as a review that is validated anew.
    for (const { data } of events) if (data.start_stage === 'notify') await this.#takeOne(data);
  }

  async #takeOne(request: ReplayAccepted): Promise<void> {
    const taken = await this.database.transaction((tx) => this.#store(tx, request));
    this.deliveryWorker.worker.notify();
    this.queue.notify();
    replays.add(1, { taken, action: request.action });
    const { job_id, generation, action, item_id } = request;
    const facts = { job_id, generation, action, item_id };
    if (taken === 'begun') log.info('replay_begun', facts);
    else if (taken === 'known') log.info('replay_known', facts);
    else if (taken === 'outdated') log.info('replay_outdated', facts);
    // Nothing was ever failed by us here, so this is lost data of ours. Ingest asks again, and then opens a dead letter
    // (ING-11), whose replay starts from the submission.
    else log.error('review_not_known', facts);
  }

  async #store(tx: Tx, request: ReplayAccepted): Promise<Taken> {
    await this.intake.lockChangelists(tx, [eventKey(request.source, request.changelist_id)]);
    const parent = await this.corrections.begin(tx, request);
    if (parent === null) return this.#tellAgain(tx, request);
    await this.#correct(tx, request, parent);
    return 'begun';
  }

  /** Asked again it changes nothing and says where the generation stands; of an older one there is nothing to say. */
  async #tellAgain(tx: Tx, request: ReplayAccepted): Promise<Taken> {
    const [standing] = [...(await this.repository.readParents(tx, [request])).values()];
    if (standing === undefined) return (await this.corrections.knows(tx, request)) ? 'outdated' : 'not_known';
    const { job_id, generation, summary } = standing;
    // One that is asked again while it is open gives news, so that nobody takes it for forgotten (ING-11).
    const changed =
      summary.open === 0
        ? undefined
        : [...(await this.repository.changeParents(tx, [{ job_id, generation, open: 0, failed: 0 }])).values()][0];
    const parent = changed ?? standing;
    this.queue.insert(tx, [parentItem(parent, [settledEvent(parent, [])])]);
    return 'known';
  }

  async #correct(tx: Tx, request: ReplayAccepted, parent: BegunParent): Promise<void> {
    const version = await this.corrections.lockVersion(tx, parent);
    const rows = rowsOfJob(version, parent.job_id, request.subject_id, await this.#recipients(tx, parent, version));
    const [known] = await this.intake.knownVersions(tx, [parent]);
    const { action, subject_type, subject_id, corrected_recipient: to } = request;
    // One that has no canonical form is tried as it is, and so ends as RECIPIENT_INVALID like any other.
    const corrected_recipient = to && (canonicalRecipient(to) ?? to);
    const too_late = known!.newest > parent.review_version;
    const asked = { action, subject_type, subject_id, corrected_recipient, too_late };
    const plan = planCorrection(rows, version, asked, v7());
    await this.corrections.apply(tx, plan, request);
    const parents = await this.repository.changeParents(tx, parentDeltasOf(request, plan, version));
    await this.#queueItems(tx, plan, parents.get(parentKey(request))!, version);
  }

  /** Work for what is tried again, with a fresh budget of attempts (DLQ-2), and what is told at once. */
  async #queueItems(tx: Tx, plan: CorrectionPlan, parent: Parent, version: readonly LockedRow[]): Promise<void> {
    const moved = plan.changes.filter(({ cause }) => cause !== null);
    const again = moved.flatMap(({ id, state }) => (state === 'pending' ? [rowOf(version, id)] : []));
    const work = plan.born === null ? again : [...again, { id: plan.born.id, ...plan.born.recipient }];
    const events = correctionEvents(parent, concernedRows(plan, version, parent), (row) => this.#destinationName(row));
    const told = events.length === 0 ? [] : [parentItem(parent, events)];
    this.queue.insert(tx, [
      ...work.map(({ id, channel, address }) => this.items.of({ ...parent, id, channel, address })),
      ...told,
    ]);
    tx.afterCommit(() => {
      for (const { id, state } of moved) deliveries.add(1, { channel: rowOf(version, id).channel, state });
    });
  }

  #destinationName({ channel, address }: LockedRow): string {
    return this.providers.of({ channel, address })?.destinationOf(address)?.name ?? channel;
  }

  /** Only where another job of the version has rows: whose they are now goes by the recipients of this one. */
  async #recipients(tx: Tx, parent: BegunParent, version: readonly LockedRow[]): Promise<Recipient[]> {
    if (version.every(({ job_id }) => job_id === parent.job_id)) return [];
    const review = JSON.parse((await this.corrections.validated(tx, parent)).toString('utf8')) as ReviewValidated;
    return review.recipients;
  }
}

function rowOf(version: readonly LockedRow[], id: string): LockedRow {
  return version.find((row) => row.id === id)!;
}
