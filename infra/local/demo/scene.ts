import type { ServicesAddress, StackAddress } from '../host-protocol.js';
import type { ServiceName } from '../service-names.js';
import type { Behaviour, ReceivedChat, ReceivedMail, ReceivedWebhook } from '../sink-types.js';
import { ApiClient, type Hop, type Job } from './client.js';
import { Downstream } from './downstream.js';

/** Everything the acts share. */
export class Scene {
  readonly submitter: ApiClient;
  readonly findings: ApiClient;
  readonly operator: ApiClient;
  readonly downstream: Downstream;
  /** Every job of the demo, as last seen. */
  readonly jobs: (Job & { timeline: Hop[] })[] = [];
  readonly #stack: ServicesAddress;

  constructor(readonly address: StackAddress) {
    const { kafka, stack } = address;
    if (stack === null) throw new Error('the demo needs the services too');
    const { 'dead-letter': dead_letter, ingest, validator } = stack.services;
    this.#stack = stack;
    this.submitter = new ApiClient(ingest.url, stack.keys.submitter);
    this.findings = new ApiClient(validator.url, stack.keys.submitter);
    this.operator = new ApiClient(dead_letter.url, stack.keys.operator);
    this.downstream = new Downstream(kafka.brokers, stack.topic_prefix);
  }

  get webhook_secret(): string {
    return this.#stack.sinks.webhook_secret;
  }

  async mails(): Promise<ReceivedMail[]> {
    return (await this.#control<{ mails: ReceivedMail[] }>('mails')).mails;
  }

  async webhooks(): Promise<ReceivedWebhook[]> {
    return (await this.#control<{ webhooks: ReceivedWebhook[] }>('webhooks')).webhooks;
  }

  async messages(): Promise<ReceivedChat[]> {
    return (await this.#control<{ messages: ReceivedChat[] }>('slack')).messages;
  }

  /** Makes the webhook receiver treat an endpoint's requests in some way from now on. */
  async behave(endpoint: string, behaviour: Behaviour): Promise<void> {
    const init = { method: 'PUT', body: JSON.stringify(behaviour) };
    await fetch(`${this.#stack.sinks.control_url}/behaviour/${endpoint}`, init);
  }

  /** Ends a service as a crash does; its host starts it again. Returns the process that it was. */
  kill(service: ServiceName): number {
    const { pid } = this.#stack.services[service];
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  async #control<T>(noun: string): Promise<T> {
    return (await (await fetch(`${this.#stack.sinks.control_url}/${noun}`)).json()) as T;
  }
}
