import { setTimeout as delay } from 'node:timers/promises';
import { type EventType, TERMINAL_JOB_STATES, topicName } from '@assay/contracts';
import { plainHeaders, type TestSystem } from '@assay/testing';
import { type Source, SOURCES } from '../../infra/local/secrets.js';
import type { ServiceName } from '../../infra/local/service-names.js';
import { failedUnderNone, groupBy } from './evidence.js';
import type { ChangedRecord, ListedDeadLetter, ListedJob, SettledRecord } from './evidence.js';
import type { Operator } from './operator.js';
import { POISON_ID } from './poison.js';
import { readTopic } from './read-topic.js';
import type { AcceptedSubmission } from './submit.js';

const PAGE = 200;
const READERS = 8;
const LOOK_AGAIN_MS = 500;

/** Reads what anybody outside can read: HTTP under keys, and the public topic. */
export class Observer {
  constructor(private readonly system: TestSystem) {}

  async jobs(source: Source): Promise<ListedJob[]> {
    return this.#pages<ListedJob>('ingest', '/v1/reviews?', this.#keys(source).submitter);
  }

  /** Under an operator's key of one source, or of all. */
  async deadLetters(source: Source | null): Promise<ListedDeadLetter[]> {
    const key = source === null ? this.system.services.secrets.keys.operator : this.#keys(source).operator;
    return this.#pages<ListedDeadLetter>('dead-letter', '/v1/dead-letters?', key);
  }

  /**
   * Waits until every job is terminal, whatever failed stands under a dead letter, and replays are over, or nothing has moved for
   * `patience_ms`: what is left by then is the checker's to judge.
   */
  async untilQuiet(operator: Operator, patience_ms: number, say: (line: string) => void): Promise<void> {
    let moved_at_ms = performance.now();
    let before = '';
    for (;;) {
      const { left, image } = await this.#unfinished();
      const replayed = await operator.isDone();
      if (left === 0 && replayed) return;
      if (image !== before) {
        moved_at_ms = performance.now();
        say(`${left} jobs are not settled yet`);
      }
      before = image;
      if (performance.now() - moved_at_ms > patience_ms) return;
      await again();
    }
  }

  /** Every other source's submitter asks for each job and its findings; only 404 will do. */
  async seenByOthers(accepted: readonly AcceptedSubmission[]): Promise<string[]> {
    const seen: string[] = [];
    const asks = accepted.flatMap(({ job_id, planned }) =>
      SOURCES.filter((source) => source !== planned.source).flatMap((source) => [
        { source, service: 'ingest' as const, path: `/v1/reviews/${job_id}` },
        { source, service: 'validator' as const, path: `/v1/reviews/${job_id}/findings` },
      ]),
    );
    await concurrently(asks, async ({ source, service, path }) => {
      const { status } = await this.#get(service, path, this.#keys(source).submitter);
      if (status !== 404) seen.push(`key of ${source}: GET ${path} answers ${status}`);
    });
    return seen;
  }

  /** Every source's operator asks for each dead letter of another source. */
  async lettersSeenByOthers(letters: readonly ListedDeadLetter[]): Promise<string[]> {
    const seen: string[] = [];
    const asks = letters.flatMap(({ id, source }) =>
      SOURCES.filter((other) => other !== source).map((other) => ({ other, path: `/v1/dead-letters/${id}` })),
    );
    await concurrently(asks, async ({ other, path }) => {
      const { status } = await this.#get('dead-letter', path, this.#keys(other).operator);
      if (status !== 404) seen.push(`operator of ${other}: GET ${path} answers ${status}`);
    });
    return seen;
  }

  /** Incidents that a source's operator sees and that name another source. */
  async incidentsOfOthers(): Promise<string[]> {
    const seen: string[] = [];
    for (const source of SOURCES) {
      const { body } = await this.#get('dead-letter', '/v1/incidents?limit=200', this.#keys(source).operator);
      const { items } = body as { items: { fingerprint: string; sources: string[] }[] };
      for (const { fingerprint, sources } of items) {
        if (sources.some((each) => each !== source)) {
          seen.push(`operator of ${source}: incident ${fingerprint} names ${sources.join(', ')}`);
        }
      }
    }
    return seen;
  }

  /** All of `review.settled` as it stands now, except what is no event of Assay's. */
  async settledRecords(): Promise<SettledRecord[]> {
    const records = await this.#records('review.settled');
    return records.map(({ ce_id, data }) => {
      const { generation, given_up, job_id, revision, source, state } = data as unknown as SettledRecord;
      return { ce_id, generation, given_up, job_id, revision, source, state };
    });
  }

  /** The same of `dead_letter.changed`. */
  async changedRecords(): Promise<ChangedRecord[]> {
    const records = await this.#records('dead_letter.changed');
    return records.map(({ ce_id, data }) => {
      const { dead_letter_id, source } = data as unknown as ChangedRecord;
      return { ce_id, dead_letter_id, source };
    });
  }

  /** Poison on a public topic is for those downstream to refuse: nobody here takes it. */
  async #records(type: EventType): Promise<{ ce_id: string; data: Record<string, unknown> }[]> {
    const { kafka, topic_prefix } = this.system;
    const records = await readTopic(kafka, topicName(topic_prefix, type));
    return records.flatMap(({ headers, value }) => {
      const { ce_id = '' } = plainHeaders(headers);
      if (ce_id === '' || ce_id.startsWith(POISON_ID)) return [];
      return [{ ce_id, data: JSON.parse(String(value)) as Record<string, unknown> }];
    });
  }

  async #unfinished(): Promise<{ left: number; image: string }> {
    const lists = await Promise.all(SOURCES.map((source) => this.jobs(source)));
    const jobs = lists.flat();
    const letters = groupBy(await this.deadLetters(null), ({ job_id }) => job_id ?? '');
    const unfinished = jobs.filter((job) => {
      const own = letters.get(job.job_id) ?? [];
      const kept = own.length > 0 && failedUnderNone(job, own) === 0;
      return !TERMINAL_JOB_STATES.includes(job.state) || (job.state === 'failed' && !kept);
    });
    return { left: unfinished.length, image: unfinished.map(({ job_id, state }) => `${job_id} ${state}`).join() };
  }

  #keys(source: Source): Record<'submitter' | 'operator', string> {
    return this.system.services.secrets.source_keys[source];
  }

  async #pages<T>(service: ServiceName, path: string, key: string): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | null = null;
    do {
      const page = `${path}limit=${PAGE}${cursor === null ? '' : `&cursor=${cursor}`}`;
      const { body, status } = await this.#get(service, page, key);
      if (status !== 200) throw new Error(`GET ${page} of ${service} answers ${status}: ${JSON.stringify(body)}`);
      const { items, next_cursor } = body as { items: T[]; next_cursor: string | null };
      all.push(...items);
      cursor = next_cursor;
    } while (cursor !== null);
    return all;
  }

  /** At any replica that answers; the day is over, so one soon does. */
  async #get(service: ServiceName, path: string, key: string): Promise<{ status: number; body: unknown }> {
    const replicas = this.system.services.of(service);
    for (let attempt = 0; ; attempt += 1) {
      const url = replicas[attempt % replicas.length]?.url;
      const answer = await this.system.call(path, { url, key }).catch((error: unknown) => error as Error);
      if (!(answer instanceof Error) && answer.status < 500 && answer.status !== 429) return answer;
      if (attempt > 40) throw new Error(`GET ${path} of ${service} has no answer: ${String(answer)}`);
      await again();
    }
  }
}

function again(): Promise<void> {
  return delay(LOOK_AGAIN_MS);
}

async function concurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const reader = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}
