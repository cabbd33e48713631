import type { DeadLetterState, DeliverySummary, FindingCounts, JobState } from '@assay/contracts';

/** What the demo reads of the API's answers; there is more in them. */
export interface Job {
  job_id: string;
  changelist_id: string;
  /** 0, and one more with every replay. */
  generation: number;
  state: JobState;
  outcome?: string;
  accepted_at: string;
  settled_at: string | null;
  correlation_id: string;
  counts: FindingCounts | null;
  deliveries: { open: number; failed: number; by_channel: DeliverySummary['by_channel'] };
}

export interface Hop {
  at: string;
  service: string;
  event: string;
  attempt: number | null;
  code: string | null;
  from: JobState | null;
  to: JobState | null;
  cause: string;
}

export interface Diagnostic {
  code: string;
  kind: string;
  finding_id: string | null;
  field: string | null;
  from: unknown;
  to: unknown;
  expected: string | null;
}

export interface Finding {
  id: string;
  severity: string;
  title: string;
  file: string;
  line: number;
}

export interface DeadLetter {
  id: string;
  state: DeadLetterState;
  stage: string;
  error_class: string;
  code: string;
  subject_type: string;
  subject_id: string;
  job_id: string | null;
  changelist_id: string | null;
}

export interface Plan {
  id: string;
  state: string;
  /** How many items stand in which state. */
  progress: Record<string, number>;
}

export interface PlanItem {
  state: string;
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** HTTP as anyone would speak it: a key, JSON there and back. */
export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  get<T>(path: string): Promise<Answer<T>> {
    return this.#send<T>(path, { method: 'GET' });
  }

  post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.#send<T>(path, { method: 'POST', body: JSON.stringify(body), headers });
  }

  async #send<T>(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Answer<T>> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...init.headers };
    const response = await fetch(`${this.url}${path}`, { ...init, headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }
}

/** An answer's body, when it came with the status that the demo's story needs. */
export function expectStatus<T>(answer: Answer<T>, status: number, what: string): T {
  if (answer.status === status) return answer.body;
  throw new Error(`${what} was answered with ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
}
