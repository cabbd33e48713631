import { type ServiceName, SERVICES } from '../../infra/local/service-names.js';
import type { EventType } from '@assay/contracts';
import { SLACK_HOOKS } from '../../infra/local/secrets.js';
import { SINK_MAIL_SERVICES, type SinkMailService } from '../../infra/local/sink-types.js';
import { SeededRandom } from './random.js';

/** What goes wrong, to whom, and for how long. Everything about it is drawn before the day begins. */
export type Fault =
  | { kind: 'kill'; service: ServiceName; replica: number }
  /** SIGSTOP, and SIGCONT after longer than a lease: its successor is done when it wakes. */
  | { kind: 'freeze'; service: ServiceName; replica: number; lasts_ms: number }
  /** Members of one group go and come in quick succession. */
  | { kind: 'rebalance_storm'; service: ServiceName; blows: StormBlow[] }
  | { kind: 'kafka_restart'; down_ms: number }
  | { kind: 'postgres_restart'; down_ms: number }
  /** The receiver accepts so many webhooks, then resets the connection; with `lost`, without having accepted. */
  | { kind: 'webhook_cut'; endpoint: string; lost: boolean; times: number }
  /** The receiver accepts so many webhooks and never answers. */
  | { kind: 'webhook_hang'; endpoint: string; times: number }
  /** The mail server takes so many mails to the final dot and closes; with `lost`, without having accepted. */
  | { kind: 'mail_cut'; lost: boolean; times: number }
  /** The mail service takes so many requests and resets the connection; with `lost`, without having accepted. */
  | { kind: 'mail_api_cut'; mail_service: SinkMailService; lost: boolean; times: number }
  /** It answers 500 to so many; with `lost`, without having accepted. */
  | { kind: 'mail_api_500'; mail_service: SinkMailService; lost: boolean; times: number }
  /** The hook posts so many messages and resets the connection; with `lost`, without having posted. */
  | { kind: 'slack_cut'; hook: string; lost: boolean; times: number }
  /** On every topic, one record of each kind of poison. */
  | { kind: 'poison' }
  /** Every record that stands on one topic is published once more, in another order. */
  | { kind: 'redelivery'; type: EventType }
  /** The replica is restarted with its host's clock off, and keeps it to the end of the day. */
  | { kind: 'clock_off'; service: ServiceName; replica: number; ahead_ms: number }
  | ReceiverFault
  | ConnectionFault;

/** A receiver that refuses for a time, or takes all of it. */
export type ReceiverFault =
  /** Every recipient is refused for now. */
  | { kind: 'greylisting'; lasts_ms: number }
  /** The endpoint has moved, as a mistaken proxy says. */
  | { kind: 'redirect'; endpoint: string; lasts_ms: number }
  /** It is not there while it is redeployed. */
  | { kind: 'endpoint_404'; endpoint: string; lasts_ms: number }
  /** What some changelists say is refused, by a firewall that reads along. */
  | { kind: 'endpoint_403_for_one'; endpoint: string; digits: string; lasts_ms: number }
  /** 200, and then a body that does not end. */
  | { kind: 'body_that_drips'; endpoint: string; lasts_ms: number }
  /** The mail service has had too many requests, and says when to come again. */
  | { kind: 'mail_api_429'; mail_service: SinkMailService; lasts_ms: number }
  /** The hook has had too many messages, whatever came before. */
  | { kind: 'slack_429'; hook: string; lasts_ms: number };

/** Between the services and Postgres; of one service it hits all replicas. */
export type ConnectionFault =
  /** With each n-th COMMIT the connection ends: after it was forwarded and before its answer, or instead of forwarding. */
  | { kind: 'commit_cut'; service: ServiceName; before: boolean; one_in: number; lasts_ms: number }
  /** Nothing arrives and nothing ends; where only `standing` connections are hit, new ones work. */
  | { kind: 'black_hole'; service: ServiceName; which: 'all' | 'standing'; lasts_ms: number }
  /** Each answer comes so much later. */
  | { kind: 'slow_database'; service: ServiceName; delay_ms: number; lasts_ms: number }
  /** The whole server, as after a fail-over to a standby. */
  | { kind: 'read_only'; lasts_ms: number }
  /** Down for a period, up for a period, and so on. */
  | { kind: 'flapping'; service: ServiceName; period_ms: number; lasts_ms: number }
  /** SIGSTOP of the server's process behind one connection, with whatever locks it holds. */
  | { kind: 'stuck_backend'; service: ServiceName; lasts_ms: number };

export type FaultKind = Fault['kind'];

export interface StormBlow {
  replica: number;
  signal: 'SIGKILL' | 'SIGTERM';
  /** Until the next blow. */
  wait_ms: number;
}

/** Faults that begin together once so many submissions have been accepted. */
export interface Volley {
  at_accepted: number;
  faults: Fault[];
  /** Between two submissions while this volley is next: from a burst to a trickle. */
  submission_gap_ms: number;
}

export interface Schedule {
  seed: number;
  submissions: number;
  volleys: Volley[];
}

/** One of each before any comes again, so that a short day knows most kinds. */
const DECK: readonly FaultKind[] = [
  'kill',
  'freeze',
  'rebalance_storm',
  'kafka_restart',
  'postgres_restart',
  'webhook_cut',
  'webhook_hang',
  'mail_cut',
  'greylisting',
  'redirect',
  'endpoint_404',
  'endpoint_403_for_one',
  'body_that_drips',
  'mail_api_cut',
  'mail_api_500',
  'mail_api_429',
  'slack_cut',
  'slack_429',
  'poison',
  'redelivery',
  'clock_off',
  'commit_cut',
  'black_hole',
  'slow_database',
  'read_only',
  'flapping',
  'stuck_backend',
  // Twice as often as the others: most of what goes wrong with processes goes wrong this way.
  'kill',
  'freeze',
  // And an answer of COMMIT is lost at another service each time.
  'commit_cut',
];
const SUBMISSIONS_A_FAULT = 50;
const LEAST_FAULTS = 8;
const HOUR_MS = 3_600_000;
const REPLICAS = 2;
const ENDPOINTS = ['ci-bot', 'team-chat'] as const;
const HOOKS = SLACK_HOOKS.filter((hook) => hook !== 'reviews');
/** Not what only downstream takes: there a repetition would be ours, not Assay's. */
const REDELIVERED: readonly EventType[] = [
  'review.submitted',
  'review.validated',
  'delivery.settled',
  'stage.delayed',
  'stage.dead_lettered',
];
const GAPS_MS = [0, 10, 50] as const;

/** How many faults go with so many submissions, unless it is said. */
export function usualFaults(submissions: number): number {
  return Math.max(LEAST_FAULTS, Math.round(submissions / SUBMISSIONS_A_FAULT));
}

/** Same arguments, same schedule. */
export function drawSchedule(
  seed: number,
  submissions: number,
  lease_ms: number,
  count = usualFaults(submissions),
): Schedule {
  const random = new SeededRandom(seed);
  const kinds: FaultKind[] = [];
  while (kinds.length < count) kinds.push(...random.shuffled(DECK));
  const faults = kinds.slice(0, count).map((kind) => draw(random, kind, lease_ms));
  const groups: Fault[][] = [];
  while (faults.length > 0) groups.push(faults.splice(0, random.between(1, 3)));
  const share = submissions / groups.length;
  const volleys = groups.map((group, index) => ({
    at_accepted: Math.floor(index * share + random.next() * share * 0.5),
    faults: group,
    submission_gap_ms: random.of(GAPS_MS),
  }));
  return { seed, submissions, volleys };
}

function draw(random: SeededRandom, kind: FaultKind, lease_ms: number): Fault {
  const whom = () => ({ service: random.of(SERVICES), replica: random.between(0, REPLICAS - 1) });
  switch (kind) {
    case 'kill':
      return { kind, ...whom() };
    case 'freeze':
      return { kind, ...whom(), lasts_ms: lease_ms + random.between(500, lease_ms * 3) };
    case 'rebalance_storm':
      return { kind, service: random.of(SERVICES), blows: drawStorm(random) };
    case 'kafka_restart':
    case 'postgres_restart':
      return { kind, down_ms: random.between(0, 3_000) };
    case 'webhook_cut':
      return { kind, endpoint: random.of(ENDPOINTS), lost: random.next() < 0.3, times: random.between(2, 12) };
    case 'webhook_hang':
      return { kind, endpoint: random.of(ENDPOINTS), times: random.between(1, 6) };
    case 'mail_cut':
      return { kind, lost: random.next() < 0.5, times: random.between(1, 5) };
    case 'mail_api_cut':
    case 'mail_api_500':
      return {
        ...{ kind, mail_service: random.of(SINK_MAIL_SERVICES) },
        ...{ lost: random.next() < 0.3, times: random.between(1, 5) },
      };
    case 'slack_cut':
      return { kind, hook: random.of(HOOKS), lost: random.next() < 0.3, times: random.between(1, 3) };
    case 'poison':
      return { kind };
    case 'redelivery':
      return { kind, type: random.of(REDELIVERED) };
    case 'clock_off':
      return { kind, ...whom(), ahead_ms: random.of([HOUR_MS, -HOUR_MS]) };
    case 'greylisting':
    case 'redirect':
    case 'endpoint_404':
    case 'endpoint_403_for_one':
    case 'body_that_drips':
    case 'mail_api_429':
    case 'slack_429':
      return drawReceiverFault(random, kind);
    default:
      return drawConnectionFault(random, kind);
  }
}

function drawReceiverFault(random: SeededRandom, kind: ReceiverFault['kind']): ReceiverFault {
  const lasts_ms = random.between(2_000, 12_000);
  if (kind === 'greylisting') return { kind, lasts_ms };
  if (kind === 'mail_api_429') return { kind, mail_service: random.of(SINK_MAIL_SERVICES), lasts_ms };
  if (kind === 'slack_429') return { kind, hook: random.of(HOOKS), lasts_ms };
  const endpoint = random.of(ENDPOINTS);
  if (kind !== 'endpoint_403_for_one') return { kind, endpoint, lasts_ms };
  return { kind, endpoint, digits: String(random.between(0, 9)), lasts_ms };
}

function drawConnectionFault(random: SeededRandom, kind: ConnectionFault['kind']): ConnectionFault {
  const service = random.of(SERVICES);
  const lasts_ms = random.between(2_000, 8_000);
  switch (kind) {
    case 'commit_cut':
      return { kind, service, before: random.next() < 0.3, one_in: random.between(2, 6), lasts_ms };
    case 'black_hole':
      return { kind, service, which: random.of(['all', 'standing'] as const), lasts_ms };
    case 'slow_database':
      return { kind, service, delay_ms: random.between(20, 300), lasts_ms };
    case 'read_only':
      return { kind, lasts_ms: random.between(2_000, 12_000) };
    case 'flapping':
      return { kind, service, period_ms: random.between(200, 1_000), lasts_ms };
    case 'stuck_backend':
      return { kind, service, lasts_ms: random.between(2_000, 12_000) };
  }
}

function drawStorm(random: SeededRandom): StormBlow[] {
  return Array.from({ length: random.between(3, 6) }, (_, blow) => ({
    replica: blow % REPLICAS,
    signal: random.of(['SIGKILL', 'SIGTERM'] as const),
    wait_ms: random.between(200, 1_500),
  }));
}

/** One line for a person. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `SIGKILL ${fault.service}-${fault.replica + 1}`;
    case 'freeze':
      return `SIGSTOP ${fault.service}-${fault.replica + 1} for ${fault.lasts_ms} ms`;
    case 'rebalance_storm':
      return `${fault.blows.length} members of ${fault.service} go and come`;
    case 'kafka_restart':
      return `Kafka down for ${fault.down_ms} ms`;
    case 'postgres_restart':
      return `Postgres down for ${fault.down_ms} ms`;
    case 'webhook_cut':
      return `${fault.endpoint} ${fault.lost ? 'loses' : 'accepts'} and cuts ${fault.times} webhooks`;
    case 'webhook_hang':
      return `${fault.endpoint} accepts ${fault.times} webhooks and hangs`;
    case 'mail_cut':
      return `the mail server ${fault.lost ? 'loses' : 'accepts'} and cuts ${fault.times} mails`;
    case 'mail_api_cut':
      return `${fault.mail_service} ${fault.lost ? 'loses' : 'accepts'} and cuts ${fault.times} mails`;
    case 'mail_api_500':
      return `${fault.mail_service} ${fault.lost ? 'loses' : 'accepts'} ${fault.times} mails and answers 500`;
    case 'slack_cut':
      return `${fault.hook} ${fault.lost ? 'loses' : 'posts'} and cuts ${fault.times} messages`;
    case 'mail_api_429':
      return `${fault.mail_service} answers 429 for ${fault.lasts_ms} ms`;
    case 'slack_429':
      return `${fault.hook} answers 429 for ${fault.lasts_ms} ms`;
    case 'poison':
      return 'poison on every topic';
    case 'redelivery':
      return `all of ${fault.type} once more`;
    case 'clock_off':
      return `${fault.service}-${fault.replica + 1} restarts ${fault.ahead_ms > 0 ? 'an hour ahead' : 'an hour behind'}`;
    case 'greylisting':
      return `the mail server greylists for ${fault.lasts_ms} ms`;
    case 'redirect':
      return `${fault.endpoint} answers 301 for ${fault.lasts_ms} ms`;
    case 'endpoint_404':
      return `${fault.endpoint} answers 404 for ${fault.lasts_ms} ms`;
    case 'endpoint_403_for_one':
      return `${fault.endpoint} answers 403 to changelists that end in ${fault.digits} for ${fault.lasts_ms} ms`;
    case 'body_that_drips':
      return `${fault.endpoint} accepts, and drips its answers for ${fault.lasts_ms} ms`;
    default:
      return `${describeConnectionFault(fault)} for ${fault.lasts_ms} ms`;
  }
}

function describeConnectionFault(fault: ConnectionFault): string {
  switch (fault.kind) {
    case 'commit_cut':
      return `${fault.service} loses ${fault.before ? '' : 'the answer of '}one COMMIT in ${fault.one_in}`;
    case 'black_hole':
      return `${fault.which} connections of ${fault.service} fall silent`;
    case 'slow_database':
      return `Postgres answers ${fault.service} ${fault.delay_ms} ms later`;
    case 'read_only':
      return 'Postgres takes no writes';
    case 'flapping':
      return `Postgres goes and comes for ${fault.service} each ${fault.period_ms} ms`;
    case 'stuck_backend':
      return `SIGSTOP a backend of ${fault.service}`;
  }
}
