import { Failure } from '@assay/contracts';
import { oneByOne } from '@assay/work-queue';
import type { Payload, RenderingInput } from '../rendering/index.js';

/** A review by the row that stands for it. */
export interface ReviewReference {
  job_id: string;
  generation: number;
  /** As it is stored. */
  bytes: number;
}

/** A review in memory. Of the same review all deliveries that are at work hold one, and what was rendered of it. */
export interface HeldReview {
  input(): RenderingInput;
  /** Renders once for each form; `form` names the provider, the version, the filter and the limit. */
  rendered<P extends Payload>(form: string, render: () => P): P;
  /** Not used any longer, by this delivery. */
  release(): void;
}

/** Reads what reviews are rendered from; one that is not there is missing from the answer. */
export type ReadReviews = (of: readonly ReviewReference[]) => Promise<Map<string, () => RenderingInput>>;

/**
 * What is no longer than this is bounded by the deliveries that may be at work at once, and waits for nothing: so the small
 * ones, which are nearly all, never wait for the large ones.
 */
export const SMALL_BYTES = 16 * 1024;

interface Waiting {
  of: ReviewReference;
  resolve: (review: HeldReview) => void;
  reject: (failure: Failure) => void;
}

interface Wanted {
  of: ReviewReference;
  resolve: (review: () => RenderingInput) => void;
  reject: (failure: Failure) => void;
}

interface Shared {
  readonly review: Promise<() => RenderingInput>;
  readonly forms: Map<string, Payload>;
  holders: number;
}

/**
 * The reviews that deliveries at work are rendered from, bounded in bytes (WQ-11). A body is read once there is room for it,
 * and each delivery counts it for itself although they share it: the mail that is encoded from it, or the request that is
 * encrypted, is a copy of its own. One that is larger than the bound goes alone. First come, first served.
 */
export class HeldReviews {
  readonly #shared = new Map<string, Shared>();
  readonly #for_room: Waiting[] = [];
  readonly #to_read: Wanted[] = [];
  #held_bytes = 0;
  #closed = false;

  constructor(
    private readonly read: ReadReviews,
    private readonly max_bytes: number,
  ) {}

  get heldBytes(): number {
    return this.#held_bytes;
  }

  /**
   * Resolves once there is room for it and it has been read, or at once from what is at hand. Rejects with a retryable
   * failure where it cannot be read now, or the process stops.
   */
  async hold(of: ReviewReference, at_hand?: () => RenderingInput): Promise<HeldReview> {
    if (this.#closed) throw stopping();
    if (this.#for_room.length === 0 || of.bytes <= SMALL_BYTES) {
      if (this.#take(of)) return this.#begin(of, at_hand);
    }
    return new Promise((resolve, reject) => this.#for_room.push({ of, resolve, reject }));
  }

  /** Nobody waits for room any longer. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#for_room.splice(0)) reject(stopping());
  }

  #take({ bytes }: ReviewReference): boolean {
    if (bytes <= SMALL_BYTES) return true;
    if (this.#held_bytes > 0 && this.#held_bytes + bytes > this.max_bytes) return false;
    this.#held_bytes += bytes;
    return true;
  }

  #giveBack({ bytes }: ReviewReference): void {
    if (bytes <= SMALL_BYTES) return;
    this.#held_bytes -= bytes;
    while (this.#for_room.length > 0 && this.#take(this.#for_room[0]!.of)) {
      const { of, resolve, reject } = this.#for_room.shift()!;
      this.#begin(of).then(resolve, reject);
    }
  }

  async #begin(of: ReviewReference, at_hand?: () => RenderingInput): Promise<HeldReview> {
    const key = keyOf(of);
    let shared = this.#shared.get(key);
    if (!shared) {
      const review = at_hand ? Promise.resolve(at_hand) : this.#read(of);
      this.#shared.set(key, (shared = { review, forms: new Map(), holders: 0 }));
    }
    shared.holders += 1;
    const release = (): void => this.#release(of, shared);
    try {
      const input = await shared.review;
      return { input, rendered: (form, render) => renderedOnce(shared.forms, form, render), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #release(of: ReviewReference, shared: Shared): void {
    const key = keyOf(of);
    shared.holders -= 1;
    if (shared.holders === 0 && this.#shared.get(key) === shared) this.#shared.delete(key);
    this.#giveBack(of);
  }

  /** What is wanted in the same turn is read by one statement. */
  #read(of: ReviewReference): Promise<() => RenderingInput> {
    return new Promise((resolve, reject) => {
      if (this.#to_read.length === 0) setImmediate(() => void this.#readAll(this.#to_read.splice(0)));
      this.#to_read.push({ of, resolve, reject });
    });
  }

  async #readAll(all: readonly Wanted[]): Promise<void> {
    const left = await oneByOne(
      all,
      async (some) => {
        const found = await this.read(some.map(({ of }) => of));
        for (const { of, resolve, reject } of some) {
          const review = found.get(keyOf(of));
          if (review) resolve(review);
          else reject(missing());
        }
      },
      ({ reject }, failure) => reject(failure),
    );
    for (const { reject } of left?.units ?? []) reject(left!.failure);
  }
}

function renderedOnce<P extends Payload>(forms: Map<string, Payload>, form: string, render: () => P): P {
  const known = forms.get(form) as P | undefined;
  if (known) return known;
  const made = render();
  forms.set(form, made);
  return made;
}

function keyOf({ job_id, generation }: ReviewReference): string {
  return `${job_id}:${generation}`;
}

function stopping(): Failure {
  const message = 'the process stops, and nothing more is begun';
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'stopping', retryable: true, message });
}

function missing(): Failure {
  const message = 'the review that the message is made from is not there';
  return new Failure({ error_class: 'NOT_FOUND', code: 'review_missing', retryable: false, message });
}
