import { setTimeout as delay } from 'node:timers/promises';
import type { TestSystem } from '@assay/testing';
import { type PlannedSubmission, planSubmission, submissionBody, successorOf } from './submissions.js';

/** Holds a 2xx: from now on nothing of it may be lost. */
export interface AcceptedSubmission {
  planned: PlannedSubmission;
  job_id: string;
}

const CALLERS = 12;
const AGAIN_AFTER_MS = 100;
const GIVE_UP_AFTER_MS = 120_000;
/** An answer that does not come is asked for at another replica. */
const ANSWER_WITHIN_MS = 5_000;

/** Posts as an upstream does: until there is a 2xx, at one replica after the other; the key makes that safe. */
export class Submitter {
  readonly accepted: AcceptedSubmission[] = [];
  /** Reruns included. */
  submitted = 0;
  /** Requests, repeated ones included. */
  posts = 0;
  /** Answers that no fault explains: anything but 2xx, 429, and 503 that says when to ask again (ING-10). */
  readonly refused: string[] = [];
  /** Two jobs for one key. */
  readonly doubled: string[] = [];
  #next = 0;
  #limit = 0;
  #gap_ms = 0;
  #slot_at_ms = 0;
  #released: () => void = () => undefined;

  constructor(
    private readonly system: TestSystem,
    private readonly onAccepted: () => void,
  ) {}

  /** Resolves when `submissions` and their reruns have been accepted; how fast and how far is told by {@link release}. */
  async run(submissions: number): Promise<void> {
    const caller = async (): Promise<void> => {
      for (let number = await this.#take(submissions); number !== null; number = await this.#take(submissions)) {
        const planned = planSubmission(number);
        await this.#submit(planned);
        if (planned.has_successor) await this.#submit(successorOf(planned));
        this.onAccepted();
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  }

  /** Lets submissions below `limit` go, each so long after the one before. */
  release(limit: number, gap_ms: number): void {
    this.#limit = limit;
    this.#gap_ms = gap_ms;
    this.#released();
  }

  async #take(submissions: number): Promise<number | null> {
    while (this.#next >= this.#limit && this.#next < submissions) {
      await new Promise<void>((resolve) => {
        const before = this.#released;
        this.#released = () => {
          before();
          resolve();
        };
      });
    }
    if (this.#next >= submissions) return null;
    const number = this.#next++;
    await this.#paced();
    return number;
  }

  /** One after the other, whichever caller it is. */
  #paced(): Promise<void> {
    const now_ms = performance.now();
    this.#slot_at_ms = Math.max(now_ms, this.#slot_at_ms + this.#gap_ms);
    return delay(this.#slot_at_ms - now_ms);
  }

  async #submit(planned: PlannedSubmission): Promise<void> {
    this.submitted += 1;
    const copies = planned.twice_at_once ? [0, 1] : [planned.number % 2];
    const ids = await Promise.all(copies.map((replica) => this.#until2xx(planned, replica)));
    const [job_id] = ids;
    if (job_id === undefined) return;
    if (new Set(ids).size > 1) this.doubled.push(`${planned.source} ${planned.idempotency_key}: ${ids.join(', ')}`);
    this.accepted.push({ planned, job_id });
  }

  async #until2xx(planned: PlannedSubmission, first_replica: number): Promise<string> {
    const body = submissionBody(planned);
    const key = this.system.services.secrets.source_keys[planned.source].submitter;
    const replicas = this.system.services.of('ingest');
    const give_up_at_ms = performance.now() + GIVE_UP_AFTER_MS;
    for (let attempt = first_replica; performance.now() < give_up_at_ms; attempt += 1) {
      const url = replicas[attempt % replicas.length]?.url;
      this.posts += 1;
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const answer = await this.system.call('/v1/reviews', { url, key, body, signal }).catch(() => null);
      if (answer !== null && answer.status < 300) return (answer.body as { job_id: string }).job_id;
      if (answer !== null && !saysWhenToAskAgain(answer)) {
        const { body: said, status } = answer;
        this.refused.push(`${planned.source} ${planned.idempotency_key}: ${status} ${JSON.stringify(said)}`);
      }
      await againAfter(AGAIN_AFTER_MS);
    }
    throw new Error(`submission ${planned.number} was not accepted within ${GIVE_UP_AFTER_MS / 1_000} s`);
  }
}

/** Nothing is lost by it: the same key again is safe, after so long. */
export function saysWhenToAskAgain({ headers, status }: { headers: Headers; status: number }): boolean {
  return (status === 429 || status === 503) && headers.has('retry-after');
}

function againAfter(ms: number): Promise<void> {
  return delay(ms);
}
