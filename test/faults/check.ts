import { TERMINAL_JOB_STATES } from '@assay/contracts';
import { SOURCES, type Source } from '../../infra/local/secrets.js';
import type { ReceivedChat, ReceivedWebhook } from '../../infra/local/sink-types.js';
import { aboutTheJob, failedUnderNone, groupBy } from './evidence.js';
import type { Evidence, ListedDeadLetter, ListedJob } from './evidence.js';
import { chatOf, type Kind, kindOf, KINDS, markerOf, type PlannedSubmission } from './submissions.js';

/** Each list must be empty; a line says which job, and what is wrong with it. */
export interface Faultlines {
  /** An accepted job that is neither terminal nor under an open dead letter, a recipient neither told nor marked. */
  lost: string[];
  told_twice: string[];
  /**
   * A recipient that the job says was told and was not, or that nothing at all is said about (both lost, too), and one
   * that nobody can know was told, though the job says so.
   */
  unmarked: string[];
  leaked: string[];
}

export type Fault = keyof Faultlines;

/** How it went with what was told by one kind of provider. */
export type OfKind = { told: number; failed: number; unknown: number } & Record<Fault, number>;

export interface Verdict extends Faultlines {
  accepted: number;
  by_state: Record<string, number>;
  open_dead_letters: number;
  open_by_class: Record<string, number>;
  by_kind: Record<Kind, OfKind>;
  /** Webhooks that came again under the same id with the same body: an idempotent receiver drops them. */
  repeated_webhooks: number;
  /** Items of the replay plan by state. */
  replayed: Record<string, number>;
  poison: { announced_at_least: number; parked: number };
}

class Found implements Faultlines {
  readonly lost: string[] = [];
  readonly told_twice: string[] = [];
  readonly unmarked: string[] = [];
  readonly leaked: string[] = [];
  readonly by_kind = Object.fromEntries(
    KINDS.map((kind) => [kind, { told: 0, failed: 0, unknown: 0, lost: 0, told_twice: 0, unmarked: 0, leaked: 0 }]),
  ) as Record<Kind, OfKind>;

  /** About something that was told, or had to be, by `kind`. */
  add(fault: Fault, kind: Kind, line: string): void {
    this[fault].push(`${kind}: ${line}`);
    this.by_kind[kind][fault] += 1;
  }
}

const CLOSED = ['resolved', 'discarded'];

/** Judges the day from what everybody outside can see. A pure function. */
export function judge(evidence: Evidence): Verdict {
  const found = new Found();
  const jobs = new Map(SOURCES.flatMap((source) => evidence.jobs[source].map((job) => [job.job_id, job] as const)));
  const open = evidence.dead_letters.filter(({ state }) => !CLOSED.includes(state));
  const openByJob = groupBy(open, ({ job_id }) => job_id ?? '');
  const told = tellings(evidence);
  for (const { planned, job_id } of evidence.accepted) {
    const job = jobs.get(job_id);
    const kept = openByJob.get(job_id) ?? [];
    // A successor that supersedes a failed delivery closes its dead letter (ING-6).
    const letters = planned.has_successor ? evidence.dead_letters.filter((each) => each.job_id === job_id) : kept;
    if (job === undefined) {
      found.lost.push(`${job_id}: accepted, and not listed under its source ${planned.source}`);
      continue;
    }
    judgeJob(job, letters, found);
    judgeRecipients(planned, job, kept, told.get(job_id) ?? [], found);
  }
  judgeEnds(evidence, jobs, found);
  judgeChanges(evidence, found);
  judgeRepeats(evidence, found);
  judgeSources(evidence, jobs, found);
  found.lost.push(...evidence.refused.map((line) => `refused without cause: ${line}`));
  const { plan } = evidence;
  if (plan !== null && plan.state !== 'completed') found.lost.push(`replay plan ${plan.id}: still ${plan.state}`);
  const parked = open.filter(({ subject_type }) => subject_type === 'record').length;
  if (parked < evidence.poison_announced) {
    found.lost.push(`${evidence.poison_announced} announcements of poison were due, ${parked} dead letters came of it`);
  }
  const { lost, told_twice, unmarked, leaked, by_kind } = found;
  return {
    ...{ lost, told_twice, unmarked, leaked, by_kind },
    accepted: evidence.accepted.length,
    by_state: countBy([...jobs.values()], ({ state }) => state),
    open_dead_letters: open.length,
    open_by_class: countBy(open, ({ error_class }) => error_class),
    repeated_webhooks: repeatedWebhooks(evidence.webhooks),
    replayed: evidence.plan?.progress ?? {},
    poison: { announced_at_least: evidence.poison_announced, parked },
  };
}

function judgeJob(job: ListedJob, letters: readonly ListedDeadLetter[], found: Found): void {
  const about = `${job.job_id} (${job.source} ${job.changelist_id})`;
  // A dead letter of one delivery does not say why another never ends.
  if (!TERMINAL_JOB_STATES.includes(job.state) && !aboutTheJob(letters)) {
    found.lost.push(`${about}: still ${job.state}, under no open dead letter`);
  }
  if (job.state === 'failed' && letters.length === 0) found.lost.push(`${about}: failed, under no open dead letter`);
  const alone = failedUnderNone(job, letters);
  if (alone > 0) found.lost.push(`${about}: ${alone} deliveries failed or unknown, under no open dead letter`);
}

interface Telling {
  kind: Kind;
  channel: string;
  address: string;
  /** The sender has heard of it, at least once. */
  known: boolean;
}

/** Whom the ledgers show as told, by job. */
function tellings({ mails, messages, webhooks }: Evidence): Map<string, Telling[]> {
  const told = new Map<string, Telling[]>();
  const add = (job_id: string | null, recipient: Omit<Telling, 'kind' | 'known'>, answered: string | number): void => {
    if (job_id === null) return;
    const own = told.get(job_id) ?? [];
    told.set(job_id, own);
    const known = typeof answered === 'number' && answered < 300;
    const before = own.find(({ address, channel }) => channel === recipient.channel && address === recipient.address);
    if (before) before.known ||= known;
    else own.push({ ...recipient, kind: kindOf(recipient), known });
  };
  for (const webhook of webhooks.filter(wasAccepted)) {
    add(dataOf(webhook).job_id, { channel: 'webhook', address: webhook.endpoint }, webhook.answered);
  }
  for (const { answered, envelope_to, text } of mails) {
    for (const address of envelope_to) add(jobIdIn(text), { channel: 'email', address }, answered);
  }
  for (const message of messages) {
    add(jobIdIn(message.text), { channel: 'slack', address: message.hook }, message.answered);
  }
  return told;
}

/** What takes a second message for a new one and cannot be asked: who has heard no answer there cannot know. */
const CANNOT_BE_KNOWN: readonly Kind[] = ['smtp', 'slack'];

function judgeRecipients(
  planned: PlannedSubmission,
  job: ListedJob,
  kept: readonly ListedDeadLetter[],
  told: readonly Telling[],
  found: Found,
): void {
  if (planned.hopeless) return;
  // A job that ended before its deliveries were made has one dead letter for all of them.
  const whole = aboutTheJob(kept);
  for (const [kind, due] of groupBy(planned.recipients, kindOf)) {
    const { channel } = due[0]!;
    const missing = due.filter(({ address }) => !told.some((one) => one.kind === kind && one.address === address));
    const states = job.deliveries.by_channel[channel] ?? {};
    const failed = states.failed_permanent ?? 0;
    const unknown = states.unknown ?? 0;
    const superseded = planned.has_successor ? (states.superseded ?? 0) : 0;
    const of_kind = found.by_kind[kind];
    of_kind.told += due.length - missing.length;
    of_kind.failed += failed;
    of_kind.unknown += unknown;
    const about = `${job.job_id} (${job.source} ${job.changelist_id})`;
    const blind = told.filter((one) => one.kind === kind && !one.known).length;
    if (CANNOT_BE_KNOWN.includes(kind) && blind > 0 && (states.sent ?? 0) > due.length - blind) {
      found.add('unmarked', kind, `${about}: its answer was lost, and its deliveries are ${JSON.stringify(states)}`);
    }
    if (missing.length === 0 || whole) continue;
    if (missing.length <= failed + unknown + superseded) continue;
    const names = missing.map(({ address }) => address).join(', ');
    const line = `${about}: ${names}: not told, and its deliveries are ${JSON.stringify(states)}`;
    found.add('unmarked', kind, line);
    found.add('lost', kind, line);
  }
}

/**
 * Downstream hears of each end once, after deduplication by id (ING-9). One end follows another of its generation only
 * where the job had been given up for want of news, and under a higher revision (ING-11).
 */
function judgeEnds({ settled }: Evidence, jobs: ReadonlyMap<string, ListedJob>, found: Found): void {
  const ends = groupBy(settled, ({ job_id, generation }) => `${job_id} ${generation}`);
  for (const [end, records] of ends) {
    const by_id = new Map(records.map((record) => [record.ce_id, record]));
    const ordered = [...by_id.values()].sort((a, b) => a.revision - b.revision);
    const last = ordered.at(-1)!;
    const provisional = ordered.filter((one) => one.given_up && one.state === 'failed' && one.revision < last.revision);
    if (provisional.length + 1 < ordered.length) found.told_twice.push(`${end}: settled under several ids`);
  }
  const told = new Set(settled.map(({ job_id }) => job_id));
  for (const { job_id, state } of jobs.values()) {
    if (TERMINAL_JOB_STATES.includes(state) && !told.has(job_id)) {
      found.lost.push(`${job_id}: ${state}, and review.settled does not say so`);
    }
  }
}

/** Downstream hears of each dead letter. */
function judgeChanges({ changed, dead_letters }: Evidence, found: Found): void {
  const told = new Set(changed.map(({ dead_letter_id }) => dead_letter_id));
  for (const { id, state } of dead_letters) {
    if (!told.has(id)) found.lost.push(`dead letter ${id}: ${state}, and dead_letter.changed does not say so`);
  }
  const sources = new Map(dead_letters.map(({ id, source }) => [id, source]));
  for (const { ce_id, dead_letter_id, source } of changed) {
    const owner = sources.get(dead_letter_id);
    if (owner !== source) found.leaked.push(`dead_letter.changed ${ce_id}: for ${source}, of ${owner}`);
  }
}

function judgeRepeats({ accepted, doubled, jobs, mails, messages, webhooks }: Evidence, found: Found): void {
  found.told_twice.push(...doubled.map((line) => `two jobs for one key: ${line}`));
  const held = new Set(accepted.map(({ job_id }) => job_id));
  for (const job of SOURCES.flatMap((source) => jobs[source])) {
    if (!held.has(job.job_id)) found.told_twice.push(`${job.job_id}: a job that no caller holds`);
    // There is one plan, and no job has two items in it.
    if (job.generation > 1) found.told_twice.push(`${job.job_id}: replayed ${job.generation} times by one plan`);
  }
  const ids = groupBy(webhooks.filter(wasAccepted), (webhook) => `${webhook.endpoint} ${dataOf(webhook).job_id}`);
  for (const [recipient, requests] of ids) {
    const keys = new Set(requests.map(({ headers }) => headers['webhook-id']));
    if (keys.size > 1) found.add('told_twice', 'webhook', `${recipient}: webhook ids ${[...keys].join(', ')}`);
  }
  for (const [id, requests] of groupBy(webhooks, ({ headers }) => headers['webhook-id'] ?? '')) {
    if (new Set(requests.map(({ body }) => body)).size > 1) found.add('told_twice', 'webhook', `${id}: several bodies`);
  }
  for (const [id, copies] of groupBy(mails, ({ message_id }) => message_id)) {
    if (copies.length > 1) found.add('told_twice', copies[0]!.via, `mail ${id}: accepted ${copies.length} times`);
  }
  for (const [to, copies] of groupBy(mails, ({ envelope_to, text }) => `${envelope_to.join()} ${jobIdIn(text)}`)) {
    const keys = new Set(copies.map(({ message_id }) => message_id));
    if (keys.size > 1) found.add('told_twice', copies[0]!.via, `${to}: mails ${[...keys].join(', ')}`);
  }
  // Nothing on the wire tells a second one from the first: people see both, and the job that both name.
  for (const [where, copies] of groupBy(messages, ({ hook, text }) => `${hook} ${jobIdIn(text)}`)) {
    if (copies.length > 1) found.add('told_twice', 'slack', `${where}: posted ${copies.length} times`);
  }
}

function judgeSources(evidence: Evidence, jobs: ReadonlyMap<string, ListedJob>, found: Found): void {
  found.leaked.push(...evidence.seen_by_others);
  for (const source of SOURCES) {
    for (const job of evidence.jobs[source]) {
      if (job.source !== source) found.leaked.push(`key of ${source}: lists job ${job.job_id} of ${job.source}`);
    }
    for (const letter of evidence.dead_letters_of[source]) {
      const owner = letter.job_id === null ? letter.source : (jobs.get(letter.job_id)?.source ?? letter.source);
      if (owner !== source) found.leaked.push(`key of ${source}: lists dead letter ${letter.id} of ${owner}`);
    }
  }
  const sourceOf = new Map(evidence.accepted.map(({ job_id, planned }) => [job_id, planned.source]));
  const owned = (job_id: string | null) => sourceOf.get(job_id ?? '');
  for (const { body, endpoint, headers } of evidence.webhooks) {
    const { job_id, source } = dataOf({ body });
    const what = `${headers['webhook-id']} to ${endpoint}`;
    for (const line of leaksOf(what, body, source, owned(job_id))) found.add('leaked', 'webhook', line);
  }
  for (const { envelope_to, html, message_id, text, via } of evidence.mails) {
    const source = /^dana\+([a-z]+)-/.exec(envelope_to[0] ?? '')?.[1] ?? null;
    for (const line of leaksOf(message_id, text + html, source, owned(jobIdIn(text)))) found.add('leaked', via, line);
  }
  for (const message of evidence.messages) {
    for (const line of leaksOf(message.hook, wordsOf(message), chatOwner(message), owned(jobIdIn(message.text))))
      found.add('leaked', 'slack', line);
  }
  for (const { ce_id, job_id, source } of evidence.settled) {
    found.leaked.push(...leaksOf(`review.settled ${ce_id}`, '', source, owned(job_id)));
  }
}

function chatOwner({ hook }: ReceivedChat): Source | null {
  return SOURCES.find((source) => chatOf(source) === hook) ?? null;
}

function wordsOf({ blocks, text }: ReceivedChat): string {
  return text + JSON.stringify(blocks);
}

/** The message was sent for `source`, the job that it names belongs to `owner`, and its text must be theirs alone. */
function leaksOf(what: string, text: string, source: string | null, owner: string | undefined): string[] {
  const lines: string[] = [];
  if (owner === undefined) lines.push(`${what}: names a job that no caller holds`);
  else if (owner !== source) lines.push(`${what}: for ${source}, names a job of ${owner}`);
  for (const other of SOURCES.filter((each) => each !== owner)) {
    if (text.includes(markerOf(other))) lines.push(`${what}: of ${owner}, carries findings of ${other}`);
  }
  return lines;
}

function repeatedWebhooks(webhooks: readonly ReceivedWebhook[]): number {
  const accepted = webhooks.filter(wasAccepted);
  return (
    accepted.length - new Set(accepted.map(({ endpoint, headers }) => `${endpoint} ${headers['webhook-id']}`)).size
  );
}

/** The receiver holds it, whether or not the sender got to know. */
function wasAccepted({ answered }: ReceivedWebhook): boolean {
  return answered === 'cut' || answered === 'hang' || (typeof answered === 'number' && answered < 300);
}

function dataOf({ body }: { body: string }): { job_id: string | null; source: string | null } {
  const { data } = JSON.parse(body) as { data?: { job_id?: string; source?: string } };
  return { job_id: data?.job_id ?? null, source: data?.source ?? null };
}

/** Messages link to their job. */
function jobIdIn(text: string): string | null {
  return /\/v1\/reviews\/([0-9a-f-]{36})/.exec(text)?.[1] ?? null;
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  return Object.fromEntries([...groupBy(items, keyOf)].map(([key, group]) => [key, group.length]));
}
