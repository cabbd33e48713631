import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestSystem } from '@assay/testing';
import type { ServiceName } from '../../infra/local/service-names.js';
import type { Replica } from '../../infra/local/services.js';
import { SLACK_HOOKS } from '../../infra/local/secrets.js';
import { type Behaviour, MAIL_SERVER, SINK_MAIL_SERVICES } from '../../infra/local/sink-types.js';
import { ConnectionFaults, lasting } from './connections.js';
import { poisonTopics } from './poison.js';
import { redeliver } from './redeliver.js';
import type { Fault, ReceiverFault } from './schedule.js';

/** When a fault was there, by this host's clock, which is the one that Postgres on this host has. */
export interface InjectedFault {
  fault: Fault;
  begun_at_ms: number;
  /** Processes are up again, servers answer; a receiver that misbehaves so many times may have some left. */
  lifted_at_ms: number;
}

const RECEIVERS = [
  ...['ci-bot', 'team-chat', MAIL_SERVER],
  ...SINK_MAIL_SERVICES.map((service) => `mail_api:${service}`),
  ...SLACK_HOOKS.map((hook) => `slack:${hook}`),
];

/** Brings faults about in a running system, and takes them back. */
export class FaultInjector {
  readonly injected: InjectedFault[] = [];
  /** Dead letters that poison records must have led to. */
  poison_announced = 0;
  readonly #frozen = new Set<Replica>();
  readonly #refusing = new Map<string, Promise<void>>();
  readonly #connections: ConnectionFaults;
  /** A volley may restart the same thing twice; the second waits for the first. */
  #stack: Promise<void> = Promise.resolve();

  constructor(
    private readonly system: TestSystem,
    private readonly build: string,
  ) {
    this.#connections = new ConnectionFaults(system);
  }

  /** Connections that ended at a COMMIT. */
  get cuts(): number {
    return this.#connections.cuts;
  }

  /** Resolves when it is lifted. */
  async inject(fault: Fault): Promise<void> {
    const begun_at_ms = Date.now();
    await this.#bringAbout(fault);
    this.injected.push({ fault, begun_at_ms, lifted_at_ms: Date.now() });
  }

  /** Everybody behaves again; what a volley has left over is taken back. */
  async liftAll(): Promise<void> {
    for (const replica of this.#frozen) replica.process.kill('SIGCONT');
    await this.#connections.liftAll();
    for (const receiver of RECEIVERS) await this.system.sinks.behave(receiver, {});
  }

  async #bringAbout(fault: Fault): Promise<void> {
    const { kafka, services, sinks, topic_prefix } = this.system;
    switch (fault.kind) {
      case 'kill':
        return services.restart(this.#replica(fault), 'SIGKILL');
      case 'freeze':
        return this.#freeze(this.#replica(fault), fault.lasts_ms);
      case 'rebalance_storm':
        return this.#storm(fault);
      case 'kafka_restart':
        return this.#restartStack('kafka', fault.down_ms);
      case 'postgres_restart':
        return this.#restartStack('postgres', fault.down_ms);
      case 'webhook_cut':
        return sinks.behave(fault.endpoint, { cut: true, lost: fault.lost, times: fault.times });
      case 'webhook_hang':
        return sinks.behave(fault.endpoint, { hang: true, times: fault.times });
      case 'mail_cut':
        return sinks.behave(MAIL_SERVER, { cut: true, lost: fault.lost, times: fault.times });
      case 'mail_api_cut':
        return sinks.behave(`mail_api:${fault.mail_service}`, { cut: true, lost: fault.lost, times: fault.times });
      case 'mail_api_500':
        return sinks.behave(`mail_api:${fault.mail_service}`, {
          ...{ answer: 500, accepted: !fault.lost, times: fault.times },
        });
      case 'slack_cut':
        return sinks.behave(`slack:${fault.hook}`, { cut: true, lost: fault.lost, times: fault.times });
      case 'greylisting':
      case 'redirect':
      case 'endpoint_404':
      case 'endpoint_403_for_one':
      case 'body_that_drips':
      case 'mail_api_429':
      case 'slack_429':
        return this.#refuse(fault);
      case 'poison':
        this.poison_announced += await poisonTopics(kafka, topic_prefix);
        return;
      case 'redelivery':
        return redeliver(kafka, topic_prefix, fault.type);
      case 'clock_off':
        return this.#shiftClock(this.#replica(fault), fault.ahead_ms);
      default:
        return this.#connections.bringAbout(fault);
    }
  }

  #replica({ service, replica }: { service: ServiceName; replica: number }): Replica {
    const found = this.system.services.of(service)[replica];
    if (found === undefined) throw new Error(`${service} has no replica ${replica}`);
    return found;
  }

  /** Two that hit one receiver follow each other, for lifting the first would lift the second. */
  #refuse(fault: ReceiverFault): Promise<void> {
    const receiver = receiverOf(fault);
    const before = this.#refusing.get(receiver) ?? Promise.resolve();
    const own = before.then(async () => {
      await this.system.sinks.behave(receiver, refusalOf(fault));
      await lasting(fault.lasts_ms);
      await this.system.sinks.behave(receiver, {});
    });
    this.#refusing.set(receiver, own);
    return own;
  }

  /** A frozen process that is killed meanwhile is simply gone: SIGCONT then reaches its successor, to no effect. */
  async #freeze(replica: Replica, lasts_ms: number): Promise<void> {
    const { process: frozen } = replica;
    this.#frozen.add(replica);
    frozen.kill('SIGSTOP');
    await lasting(lasts_ms);
    frozen.kill('SIGCONT');
    this.#frozen.delete(replica);
    await this.system.services.untilReady(replica);
  }

  async #storm({ service, blows }: Fault & { kind: 'rebalance_storm' }): Promise<void> {
    for (const { replica, signal, wait_ms } of blows) {
      this.#replica({ service, replica }).process.kill(signal);
      await lasting(wait_ms);
    }
    await Promise.all(this.system.services.of(service).map((each) => this.system.services.untilReady(each)));
  }

  #restartStack(what: 'kafka' | 'postgres', down_ms: number): Promise<void> {
    const { host } = this.system;
    if (host === null) throw new Error('a stack of its own is needed to restart it');
    return (this.#stack = this.#stack.then(() => host.restart(what, down_ms)));
  }

  async #shiftClock(replica: Replica, ahead_ms: number): Promise<void> {
    const preload = pathToFileURL(join(this.build, 'test', 'faults', 'shifted-clock.js'));
    preload.searchParams.set('ahead_ms', String(ahead_ms));
    replica.node_args = ['--import', preload.href];
    await this.system.services.restart(replica, 'SIGTERM');
  }
}

function receiverOf(fault: ReceiverFault): string {
  if (fault.kind === 'greylisting') return MAIL_SERVER;
  if (fault.kind === 'mail_api_429') return `mail_api:${fault.mail_service}`;
  return fault.kind === 'slack_429' ? `slack:${fault.hook}` : fault.endpoint;
}

function refusalOf(fault: ReceiverFault): Behaviour {
  switch (fault.kind) {
    case 'greylisting':
      return { greylist: true };
    case 'redirect':
      return { answer: 301, headers: { location: 'https://moved.example.com/hook' } };
    case 'endpoint_404':
      return { answer: 404 };
    case 'endpoint_403_for_one':
      return { answer: 403, only: `${fault.digits}","review_version"` };
    case 'body_that_drips':
      return { drip: true };
    case 'mail_api_429':
    case 'slack_429':
      return { answer: 429, headers: { 'retry-after': '1' } };
  }
}
