import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { eventId, eventKey, jobEvent } from '@assay/contracts';
import type {
  ActionRequested,
  DeliverySettled,
  DeliveryState as DeliveryStateName,
  OutgoingEvent,
  Recipient,
  ReplayAccepted,
  ReviewValidated,
  StageDeadLettered,
} from '@assay/contracts';
import { KafkaBatchServer, KafkaPublisher } from '@assay/messaging';
import { MAIL_SERVICES } from '@assay/providers-file';
import { newApiKey } from '@assay/security';
import { readSettings, startService } from '@assay/service';
import type { RunningService } from '@assay/service';
import { eventually, testDatabase, testKafka, testRun, UNTHROTTLED } from '@assay/testing';
import type { Collector, TestDatabase, TestKafka } from '@assay/testing';
import { v7 } from 'uuid';
import { mayMove } from './delivery/delivery-states.js';
import type { DeliveryCause } from './delivery/delivery-states.js';
import { NOTIFIER_SETTINGS } from './notifier.config.js';
import { NotifierModule } from './notifier.module.js';
import type { Providers } from './providers/index.js';
import { startHttpReceiver } from './providers/conformance/http-receiver.fixture.js';
import type { HttpReceiver } from './providers/conformance/http-receiver.fixture.js';
import { startMailServer } from './providers/conformance/mail-server.fixture.js';
import type { MailServer } from './providers/conformance/mail-server.fixture.js';
import { MAIL_API_TOKEN, startMailApiServer } from './providers/conformance/mail-api-server.fixture.js';
import type { MailApiServer } from './providers/conformance/mail-api-server.fixture.js';
import { startSlackServer } from './providers/conformance/slack-server.fixture.js';
import type { SlackServer } from './providers/conformance/slack-server.fixture.js';
import { aValidatedReview } from './rendering/example-input.fixture.js';

/** How long the notifier gives a message to turn up in searches. */
const LOOKUP_LAG_MS = 600;
export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
/** Endpoints of the configuration; `bot` and `slow` have receivers of their own. */
export const ENDPOINTS = ['bot', 'slow'] as const;

export interface DeliveryState {
  id: string;
  channel: string;
  address: string;
  state: string;
  notification_id: string | null;
  error_class: string | null;
  error_code: string | null;
  intent_at: string | null;
  maybe_sent_at: string | null;
}

export interface Move {
  from_state: DeliveryStateName | null;
  to_state: DeliveryStateName;
  cause: DeliveryCause;
  actor: string;
  at: Date;
}

/** One database, topics, a mail server and two webhook receivers; as many replicas as are started. */
export class NotifierFixture {
  readonly #replicas: RunningService[] = [];
  readonly #processes: ChildProcess[] = [];
  #started = 0;

  private constructor(
    readonly database: TestDatabase,
    readonly kafka: TestKafka,
    readonly mail: MailServer,
    readonly bot: HttpReceiver,
    readonly slow: HttpReceiver,
    /** Enforces one message a second. */
    readonly slack: SlackServer,
    /** Remembers keys and cannot be asked: mail to `resend.example`. */
    readonly resend: MailApiServer,
    /** Knows no keys and can be asked, after a while: mail to `postmark.example`. */
    readonly postmark: MailApiServer,
    readonly env: Record<string, string>,
    private readonly directory: string,
    private readonly publisher: KafkaPublisher,
    readonly settled: Collector,
    readonly dead: Collector,
    readonly delayed: Collector,
  ) {}

  static async open(): Promise<NotifierFixture> {
    const directory = await mkdtemp(join(tmpdir(), 'assay-notifier-'));
    const [database, kafka] = [await testDatabase('notifier'), testKafka()];
    await kafka.createTopics();
    const [mail, bot, slow] = await Promise.all([startMailServer(), startHttpReceiver(), startHttpReceiver()]);
    const [slack, resend, postmark] = await Promise.all([
      startSlackServer({ rate_per_s: 1 }),
      startMailApiServer({ service: 'resend' }),
      startMailApiServer({ service: 'postmark', lag_ms: LOOKUP_LAG_MS / 2 }),
    ]);
    const receivers = { mail, bot, slow, slack, resend, postmark };
    const env = await environment(directory, { database, kafka, ...receivers });
    const settings = readSettings(NOTIFIER_SETTINGS, { ...env, ASSAY_INSTANCE: 'test' });
    const publisher = new KafkaPublisher(settings, 'validator');
    const [settled, dead, delayed] = await Promise.all([
      kafka.consume('delivery.settled'),
      kafka.consume('stage.dead_lettered'),
      kafka.consume('stage.delayed'),
    ]);
    return new NotifierFixture(
      ...([database, kafka, mail, bot, slow, slack, resend, postmark, env, directory] as const),
      ...([publisher, settled, dead, delayed] as const),
    );
  }

  /** Starts a replica in this process. */
  async start(over: Record<string, string> = {}, providers?: () => Providers): Promise<RunningService> {
    const settings = readSettings(NOTIFIER_SETTINGS, { ...this.env, ASSAY_INSTANCE: this.#name(), ...over });
    const replica = await startService(
      {
        name: 'notifier',
        module: NotifierModule.register(settings, providers),
        transport: (app) => app.get(KafkaBatchServer),
      },
      settings,
    );
    this.#replicas.push(replica);
    return replica;
  }

  /** Starts a replica as a process of its own; resolves when it is ready. */
  async spawn(over: Record<string, string> = {}, node_options: string[] = []): Promise<ChildProcess> {
    const script = join(testRun().build, 'bin', 'notifier.js');
    const env = {
      PATH: process.env['PATH'],
      ...this.env,
      ASSAY_INSTANCE: this.#name(),
      ASSAY_LOG_LEVEL: 'info',
      ...over,
    };
    const child = spawn(process.execPath, [...node_options, script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#processes.push(child);
    let written = '';
    child.stdout.on('data', (chunk: Buffer) => (written += chunk.toString()));
    await eventually(
      () => {
        if (child.exitCode !== null) throw new Error(`ended while starting: ${written}`);
        if (!written.includes('"event":"started"')) throw new Error(`not started: ${written}`);
      },
      { within_ms: 60_000 },
    );
    return child;
  }

  /** Changes who sends mail to which domain, for replicas that start from now on. */
  async routeMail(domains: Record<string, { via: string }>): Promise<void> {
    await this.configure((file) => ({ ...file, mail: { domains } }));
  }

  /** What the endpoint `bot` takes before its messages are made compact, for replicas that start from now on. */
  async limitSizes(max_bytes: number): Promise<void> {
    await this.configure((file) => {
      const { endpoints } = file['webhook'] as { endpoints: Record<string, object> };
      return { ...file, webhook: { endpoints: { ...endpoints, bot: { ...endpoints['bot'], max_bytes } } } };
    });
  }

  /** Further endpoints, with the receiver of `bot`, for replicas that start from now on. */
  async addEndpoints(names: readonly string[]): Promise<void> {
    await this.configure((file) => {
      const { endpoints } = file['webhook'] as { endpoints: Record<string, object> };
      const added = Object.fromEntries(names.map((name) => [name, endpoints['bot']]));
      return { ...file, webhook: { endpoints: { ...endpoints, ...added } } };
    });
  }

  /** What destinations ask for (DEL-16): the endpoints `bot` and `slow`, the hook, and mail. */
  async ask(rules: { endpoint?: object; slow?: object; hook?: object; mail?: object }): Promise<void> {
    await this.configure((file) => {
      const { endpoints } = file['webhook'] as { endpoints: Record<string, object> };
      const { hooks } = file['slack'] as { hooks: Record<string, object> };
      return {
        ...file,
        webhook: {
          endpoints: {
            bot: { ...endpoints['bot'], ...rules.endpoint },
            slow: { ...endpoints['slow'], ...rules.slow },
          },
        },
        slack: { hooks: { reviews: { ...hooks['reviews'], ...rules.hook } } },
        mail: { ...(file['mail'] as object), ...rules.mail },
      };
    });
  }

  /** Changes the providers file in place. */
  async configure(change: (file: Record<string, unknown>) => object): Promise<void> {
    const path = this.env['ASSAY_NOTIFIER_CONFIG_FILE']!;
    await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)));
  }

  /** Publishes a judged review as the validator would. */
  async tell(recipients: readonly Recipient[], over: Partial<ReviewValidated> = {}): Promise<ReviewValidated> {
    const review = aValidatedReview({
      job_id: v7(),
      changelist_id: `c-${v7()}`,
      recipients: [...recipients],
      ...over,
    });
    await this.tellAgain(review);
    return review;
  }

  async tellAgain(review: ReviewValidated): Promise<void> {
    await this.#publish(validatedEvent(review));
  }

  /** Publishes what an operator asked of a review's deliveries, as ingest would once it has begun the generation. */
  async replay(review: ReviewValidated, over: Partial<ReplayAccepted>, generation = 1): Promise<void> {
    const { job_id, source, changelist_id, review_version, occurred_at, correlation_id } = review;
    const data: ReplayAccepted = {
      ...{ job_id, source, changelist_id, review_version, generation, revision: 1, occurred_at, correlation_id },
      ...{ plan_id: v7(), item_id: v7(), dead_letter_id: v7(), action: 'replay', start_stage: 'notify' },
      ...{ subject_type: 'job', subject_id: job_id, corrected_recipient: null, reason: null, actor: 'key:ops' },
      ...{ previous_generation: generation - 1 },
      ...over,
    };
    await this.#publish(jobEvent('replay.accepted', data, { subject: data.item_id, traceparent: null }));
  }

  /** Publishes that a job was cancelled, as ingest would. */
  async cancel(review: ReviewValidated, reason: string): Promise<void> {
    const { job_id, source, changelist_id, review_version, generation, occurred_at, correlation_id } = review;
    const about = { job_id, source, changelist_id, review_version, generation, revision: 1 };
    const data = { ...about, occurred_at, correlation_id, actor: 'key:ci', reason };
    await this.#publish(jobEvent('review.cancelled', data, { traceparent: null }));
  }

  /** Publishes an operator's act on deliveries, as dead-letter would; returns it, to be published again. */
  async act(
    over: Pick<ActionRequested, 'subject_type' | 'subject_id'> & Partial<ActionRequested>,
  ): Promise<ActionRequested> {
    const about = { job_id: null, source: '*', changelist_id: null, review_version: null, generation: 0, revision: 1 };
    const data: ActionRequested = {
      ...{
        ...about,
        occurred_at: '2026-11-23T10:20:30.456Z',
        correlation_id: 'c',
        action_id: v7(),
        action: 'send_now',
      },
      ...{ sources: null, reason: 'mended', actor: 'key:ops', ...over },
    };
    await this.#publish(jobEvent('action.requested', data, { subject: data.action_id, traceparent: null }));
    return data;
  }

  async #publish(event: OutgoingEvent): Promise<void> {
    // A busy broker may still be choosing the leader of a new topic; the same event again is the same event.
    await eventually(async () => expect((await this.publisher.publish([event]))[0]).toMatchObject({ kind: 'acked' }));
  }

  /** A job's deliveries, once all are in the states named. */
  async deliveries(review: ReviewValidated, ...states: string[]): Promise<DeliveryState[]> {
    return eventually(
      async () => {
        const rows = await this.database.sql<DeliveryState>(
          `SELECT id, channel, address, state, notification_id, error_class, error_code, intent_at, maybe_sent_at FROM deliveries
            WHERE job_id = $1 ORDER BY channel, address`,
          [review.job_id],
        );
        const found = rows.map(({ state }) => state);
        if (JSON.stringify(found) !== JSON.stringify(states)) throw new Error(`${found} is not yet ${states}`);
        return rows;
      },
      { within_ms: 20_000 },
    );
  }

  /** Every move of a delivery, oldest first. */
  moves(delivery_id: string): Promise<Move[]> {
    return this.database.sql<Move>('SELECT * FROM delivery_transitions WHERE delivery_id = $1 ORDER BY at', [
      delivery_id,
    ]);
  }

  settledOf(review: ReviewValidated): DeliverySettled[] {
    return this.settled.records.map((each) => each.json<DeliverySettled>()).filter((each) => of(each, review));
  }

  deadOf(review: ReviewValidated): StageDeadLettered[] {
    return this.dead.records.map((each) => each.json<StageDeadLettered>()).filter((each) => of(each, review));
  }

  async close(): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    const strays = await this.#strayMoves();
    await this.publisher.close();
    await this.kafka.close();
    await Promise.all([this.mail.close(), this.bot.close(), this.slow.close()]);
    await Promise.all([this.slack.close(), this.resend.close(), this.postmark.close()]);
    await this.database.close();
    await rm(this.directory, { recursive: true });
    if (strays.length > 0) throw new Error(`moves outside the state machine: ${JSON.stringify(strays)}`);
  }

  /** Whatever a test did, its deliveries have moved as DEL-2 says. */
  async #strayMoves(): Promise<Pick<Move, 'from_state' | 'to_state' | 'cause'>[]> {
    const moves = await this.database.sql<Pick<Move, 'from_state' | 'to_state' | 'cause'>>(
      'SELECT DISTINCT from_state, to_state, cause FROM delivery_transitions',
    );
    return moves.filter(({ from_state, to_state, cause }) => !mayMove(from_state, to_state, cause));
  }

  #name(): string {
    this.#started += 1;
    return `notifier-${this.#started}`;
  }
}

function of(event: { job_id: string | null }, review: ReviewValidated): boolean {
  return event.job_id === review.job_id;
}

function validatedEvent(review: ReviewValidated): OutgoingEvent {
  return {
    type: 'review.validated',
    id: eventId(review.job_id, review.generation, review.revision, 'review.validated'),
    subject: review.job_id,
    time: review.occurred_at,
    key: eventKey(review.source, review.changelist_id),
    correlation_id: review.correlation_id,
    traceparent: null,
    data: Buffer.from(JSON.stringify(review)),
  };
}

interface Receivers {
  mail: MailServer;
  bot: HttpReceiver;
  slow: HttpReceiver;
  slack: SlackServer;
  resend: MailApiServer;
  postmark: MailApiServer;
}

async function environment(
  directory: string,
  to: { database: TestDatabase; kafka: TestKafka } & Receivers,
): Promise<Record<string, string>> {
  const endpoint = (receiver: HttpReceiver) => ({ url: `${receiver.url}/hook`, secrets: ['env:HOOK'], concurrency: 8 });
  const service = { token: 'env:MAIL_API', from: 'Assay <assay@example.org>' };
  const lookup = { ...MAIL_SERVICES['postmark']!.mapping.lookup!, lag_ms: LOOKUP_LAG_MS };
  const providers = {
    smtp: { host: '127.0.0.1', port: to.mail.port, from: 'Assay <assay@example.org>' },
    webhook: { endpoints: { bot: endpoint(to.bot), slow: endpoint(to.slow) } },
    slack: { hooks: { reviews: { url: 'env:SLACK' } } },
    mail_api: {
      services: {
        resend: { ...service, like: 'resend', url: to.resend.url },
        postmark: { ...service, like: 'postmark', url: to.postmark.url, mapping: { lookup } },
      },
    },
    mail: { domains: { 'resend.example': { via: 'resend' }, 'postmark.example': { via: 'postmark' } } },
  };
  const files = { config: join(directory, 'notifier.json'), keys: join(directory, 'keys.json') };
  const { sha256 } = newApiKey();
  const secrets = { HOOK: WEBHOOK_SECRET, SLACK: to.slack.hook_url, MAIL_API: MAIL_API_TOKEN };
  Object.assign(process.env, secrets);
  await writeFile(files.config, JSON.stringify(providers));
  await writeFile(files.keys, JSON.stringify({ keys: [{ id: 'op', sha256, role: 'operator', sources: '*' }] }));
  return {
    DB_URL: to.database.url,
    ...secrets,
    ARTEFACT_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    ASSAY_HTTP_PORT: '0',
    ASSAY_HTTP_HOST: '127.0.0.1',
    ...UNTHROTTLED,
    ASSAY_POSTGRES_URL: 'env:DB_URL',
    ASSAY_ARTEFACT_KEYS: 'env:ARTEFACT_KEYS',
    ASSAY_API_KEYS_FILE: files.keys,
    ASSAY_NOTIFIER_CONFIG_FILE: files.config,
    ASSAY_KAFKA_BROKERS: to.kafka.brokers,
    ASSAY_KAFKA_TOPIC_PREFIX: to.kafka.topic_prefix,
    ASSAY_KAFKA_GROUP: `${to.kafka.topic_prefix}-notifier`,
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_LEASE_MS: '9000',
    ASSAY_SWEEP_INTERVAL_MS: '200',
    ASSAY_POLL_MAX_MS: '300',
    ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '4000',
    ASSAY_NOTIFIER_RETRY_FIRST_MS: '20',
    ASSAY_NOTIFIER_RETRY_CAP_MS: '100',
    ASSAY_NOTIFIER_PATIENT_FIRST_MS: '100',
    ASSAY_NOTIFIER_PATIENT_CAP_MS: '200',
    ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '200',
    ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '400',
    ASSAY_NOTIFIER_FAULT_REPORT_MS: '50',
  };
}
