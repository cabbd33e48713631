import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type TestSystem } from '@assay/testing';
import type { ServiceName } from '../../infra/local/service-names.js';
import type { ListedDeadLetter } from './evidence.js';

/** A replay plan as its operator sees it. */
export interface OperatedPlan {
  id: string;
  state: string;
  /** Items by state. */
  progress: Record<string, number>;
}

const MENDED_CLASS = 'RECIPIENT_INVALID';
const WITHIN_MS = 120_000;
/** Until the first job of those that were refused has ended. */
const FIRST_WITHIN_MS = 30_000;
const AGAIN_AFTER_MS = 200;

/**
 * Halfway through the day the endpoint that was gone works again, and an operator replays what it had refused, while
 * faults go on. Every request is made to both replicas at once, as two operators would (DLQ-10).
 */
export class Operator {
  plan: OperatedPlan | null = null;

  constructor(private readonly system: TestSystem) {}

  async replayRefused(endpoint: string): Promise<void> {
    await this.#untilOneHasFailed();
    await this.system.sinks.behave(endpoint, {});
    const items = await this.#refused();
    for (const fingerprint of new Set(items.map((letter) => letter.fingerprint))) {
      const evidence = { type: 'note', text: `${endpoint} answers again` };
      await this.#askBoth(`/v1/incidents/${fingerprint}/evidence`, evidence, `evidence-${fingerprint}`);
    }
    if (items.length === 0) return;
    const request = { filter: { class: MENDED_CLASS }, action: 'replay', items_per_second: 50 };
    const [made] = await this.#askBoth('/v1/replay-plans', request, 'replay-refused');
    if (made === undefined || made.status >= 300) throw new Error(`no plan: ${JSON.stringify(made?.body)}`);
    this.plan = made.body as OperatedPlan;
    await this.#askBoth(`/v1/replay-plans/${this.plan.id}/execute`, {});
  }

  /** Looks at the plan again; true where nothing of it is left to do. */
  async isDone(): Promise<boolean> {
    if (this.plan === null) return true;
    const { body } = await this.#ask(0, `/v1/replay-plans/${this.plan.id}`);
    const { id, progress, state } = body as OperatedPlan;
    this.plan = { id, progress, state };
    return state === 'completed';
  }

  /** Ingest replays no job that has not ended (ING-9). Where none does in time, the checker sees what became of them. */
  async #untilOneHasFailed(): Promise<void> {
    const until_ms = performance.now() + FIRST_WITHIN_MS;
    while (performance.now() < until_ms) {
      for (const { job_id } of await this.#refused()) {
        const { body } = await this.#ask(0, `/v1/reviews/${job_id}`, { of: 'ingest' });
        if ((body as { state: string }).state === 'failed') return;
      }
      await againAfter(AGAIN_AFTER_MS);
    }
  }

  async #refused(): Promise<ListedDeadLetter[]> {
    const { body } = await this.#ask(0, `/v1/dead-letters?class=${MENDED_CLASS}&state=open&limit=200`);
    return (body as { items: ListedDeadLetter[] }).items;
  }

  #askBoth(path: string, body: object, key?: string): Promise<{ status: number; body: unknown }[]> {
    return Promise.all([0, 1].map((replica) => this.#ask(replica, path, { body, key })));
  }

  /** Until there is an answer, at one replica after the other. */
  async #ask(
    replica: number,
    path: string,
    { body, key, of = 'dead-letter' }: { body?: object; key?: string; of?: ServiceName } = {},
  ): Promise<{ status: number; body: unknown }> {
    const headers = key === undefined ? undefined : { 'idempotency-key': key };
    let attempt = replica;
    return eventually(
      async () => {
        const replicas = this.system.services.of(of);
        const url = replicas[attempt++ % replicas.length]?.url;
        const signal = AbortSignal.timeout(5_000);
        const answer = await this.system
          .call(path, { url, as: 'operator', body, headers, signal })
          .catch((error: unknown) => ({ status: 503, body: String(error) }));
        if (answer.status >= 500) {
          await againAfter(AGAIN_AFTER_MS);
          throw new Error(`${path} answers ${answer.status}: ${JSON.stringify(answer.body)}`);
        }
        return answer;
      },
      { within_ms: WITHIN_MS },
    );
  }
}

function againAfter(ms: number): Promise<void> {
  return delay(ms);
}
