import { SOURCES, type Source } from '../../infra/local/secrets.js';
import { domainOf } from '../../infra/local/stack-configuration.js';

/** One submission of the day, and what must become of it. */
export interface PlannedSubmission {
  number: number;
  source: Source;
  /** The same numbers and keys in every source. */
  changelist_id: string;
  idempotency_key: string;
  /** The second is a rerun, posted as soon as the first is accepted; the first may end as superseded (ING-6). */
  review_version: 1 | 2;
  has_successor: boolean;
  /** Not JSON: rejected, and under a dead letter. */
  hopeless: boolean;
  /** Posted to two replicas at the same time, as an upstream does that gave up waiting. */
  twice_at_once: boolean;
  recipients: PlannedRecipient[];
}

export interface PlannedRecipient {
  channel: 'email' | 'webhook' | 'slack';
  address: string;
}

/** By what a recipient is told: each has its own way to lose an answer, and its own to be asked for it. */
export const KINDS = ['smtp', 'resend', 'postmark', 'webhook', 'slack'] as const;
export type Kind = (typeof KINDS)[number];

export function kindOf({ address, channel }: { channel: string; address: string }): Kind {
  if (channel !== 'email') return channel as 'webhook' | 'slack';
  return (['resend', 'postmark'] as const).find((service) => address.endsWith(`@${domainOf(service)}`)) ?? 'smtp';
}

/** Stands in every finding of a source, so that a message which carries another's can be told. */
export function markerOf(source: Source): string {
  return `property-of-${source}`;
}

export function planSubmission(number: number): PlannedSubmission {
  const source = SOURCES[number % SOURCES.length] ?? 'demo';
  const changelist = Math.floor(number / SOURCES.length);
  const recipients: PlannedRecipient[] = [
    { channel: 'email', address: `dana+${source}-${changelist}@${mailDomain(changelist)}` },
    { channel: 'webhook', address: 'ci-bot' },
  ];
  // A hook takes one message a second, so few are told by it.
  if (changelist % 8 === 0) recipients.push({ channel: 'slack', address: chatOf(source) });
  if (changelist % 4 === 1) recipients.push({ channel: 'webhook', address: 'team-chat' });
  // This endpoint answers 410 until the middle of the day: the delivery fails, and an operator replays it.
  if (changelist % 10 === 7) recipients.push({ channel: 'webhook', address: 'gone' });
  return {
    number,
    source,
    changelist_id: String(changelist),
    idempotency_key: `bad-day-${changelist}`,
    review_version: 1,
    has_successor: changelist % 6 === 2,
    hopeless: changelist % 10 === 9,
    twice_at_once: changelist % 10 === 3,
    recipients,
  };
}

/** One mail in three goes by a mail service. */
function mailDomain(changelist: number): string {
  if (changelist % 6 === 1) return domainOf('resend');
  return changelist % 6 === 4 ? domainOf('postmark') : 'example.com';
}

/** Each source has a hook of its own, so that a message which stands in another's chat can be told. */
export function chatOf(source: Source): string {
  return `reviews-${source}`;
}

/** The rerun of one that has a successor: under a key of its own, and never hopeless. */
export function successorOf(planned: PlannedSubmission): PlannedSubmission {
  const idempotency_key = `${planned.idempotency_key}-rerun`;
  return { ...planned, idempotency_key, review_version: 2, has_successor: false, hopeless: false };
}

/** What is posted: two findings, one of which needs a coercion and one of which is dropped. */
export function submissionBody(planned: PlannedSubmission): Record<string, unknown> {
  const { changelist_id, hopeless, idempotency_key, recipients, review_version, source } = planned;
  const finding = {
    id: 'F1',
    severity: 'high',
    category: 'correctness',
    title: `Rounds twice (${markerOf(source)})`,
    file: 'src/core/money.ts',
    line: '12',
    message: `The amount is rounded here and again in ledger.ts, see ${markerOf(source)}.`,
  };
  const findings = [finding, { ...finding, id: 'F2', file: 'src/elsewhere.ts' }];
  return {
    idempotency_key,
    changelist_id,
    review_version,
    rerun: review_version > 1,
    root: '//depot/demo/payments',
    changed_files: ['src/core/money.ts'],
    recipients,
    review_result: hopeless
      ? `Sure! Here is my review for ${markerOf(source)}:`
      : { schema_version: '1.0', prompt_version: '1.0.0', findings },
  };
}
