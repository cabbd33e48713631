import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { aValidatedReview } from '../rendering/example-input.fixture.js';
import { renderingInput } from '../rendering/index.js';
import type { Payload } from '../rendering/index.js';
import { HeldReviews, SMALL_BYTES } from './held-reviews.js';
import type { ReadReviews, ReviewReference } from './held-reviews.js';

const KIB = 1024;
const input = renderingInput(aValidatedReview(), { job: 'https://a/1', findings: 'https://a/2' });
const large = (job_id: string, kib = 40): ReviewReference => ({ job_id, generation: 0, bytes: kib * KIB });
const small = (job_id: string): ReviewReference => ({ job_id, generation: 0, bytes: SMALL_BYTES });

/** A table of every review that is asked for, which notes the statements. */
function reading(reads: string[][] = []): ReadReviews {
  return (of) => {
    reads.push(of.map(({ job_id }) => job_id));
    return Promise.resolve(new Map(of.map(({ job_id, generation }) => [`${job_id}:${generation}`, () => input])));
  };
}

/** Whether it is done by the time that everything at hand is. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  return done;
}

describe('bytes', () => {
  it('WQ-11.d holds no more bytes of reviews at once than it may, first come, first served', async () => {
    const reviews = new HeldReviews(reading(), 100 * KIB);
    const [a, b] = [await reviews.hold(large('a')), await reviews.hold(large('b'))];
    const [c, d] = [reviews.hold(large('c', 60)), reviews.hold(large('d', 20))];
    expect([await isDone(c), await isDone(d), reviews.heldBytes]).toEqual([false, false, 80 * KIB]);
    a.release();
    expect([await isDone(c), await isDone(d), reviews.heldBytes]).toEqual([true, false, 100 * KIB]);
    b.release();
    expect([await isDone(d), reviews.heldBytes]).toEqual([true, 80 * KIB]);
  });

  it('WQ-11.d counts a review for each delivery that holds it', async () => {
    const reviews = new HeldReviews(reading(), 100 * KIB);
    const held = [await reviews.hold(large('a')), await reviews.hold(large('a'))];
    const third = reviews.hold(large('a'));
    expect([await isDone(third), reviews.heldBytes]).toEqual([false, 80 * KIB]);
    held[0]!.release();
    expect(await isDone(third)).toBe(true);
  });

  it('WQ-11.d lets one that is larger than the bound go, alone', async () => {
    const reviews = new HeldReviews(reading(), 100 * KIB);
    const a = await reviews.hold(large('a'));
    const huge = reviews.hold(large('huge', 500));
    expect(await isDone(huge)).toBe(false);
    a.release();
    expect([await isDone(huge), reviews.heldBytes]).toEqual([true, 500 * KIB]);
    const after = reviews.hold(large('b'));
    expect(await isDone(after)).toBe(false);
    (await huge).release();
    expect([await isDone(after), reviews.heldBytes]).toEqual([true, 40 * KIB]);
  });

  it('WQ-11.d never lets a small one wait for the large ones', async () => {
    const reviews = new HeldReviews(reading(), 100 * KIB);
    await reviews.hold(large('a', 100));
    expect(await isDone(reviews.hold(large('b')))).toBe(false);
    expect([await isDone(reviews.hold(small('c'))), reviews.heldBytes]).toEqual([true, 100 * KIB]);
  });
});

describe('one reading and one rendering', () => {
  it('WQ-11.e reads a review once for the deliveries that are at work, and those of one turn by one statement', async () => {
    const reads: string[][] = [];
    const reviews = new HeldReviews(reading(reads), 1_000 * KIB);
    const held = await Promise.all(['a', 'b', 'a'].map((job) => reviews.hold(large(job))));
    held.push(await reviews.hold(large('a')));
    expect(reads).toEqual([['a', 'b']]);
    for (const each of held) each.release();
    await reviews.hold(large('a'));
    expect(reads).toEqual([['a', 'b'], ['a']]);
    expect(reviews.heldBytes).toBe(40 * KIB);
  });

  it('WQ-11.e renders each form once for all of them', async () => {
    const reviews = new HeldReviews(reading(), 1_000 * KIB);
    let rendered = 0;
    const render = (): Payload => ({ hash: String((rendered += 1)), bytes: 1 });
    const [one, other] = [await reviews.hold(large('a')), await reviews.hold(large('a'))];
    const first = one.rendered('webhook 1', render);
    expect(other.rendered('webhook 1', render)).toBe(first);
    expect(other.rendered('webhook 1 5000', render)).not.toBe(first);
    expect(rendered).toBe(2);
  });

  it('WQ-11.e takes what is at hand instead of reading it', async () => {
    const reads: string[][] = [];
    const reviews = new HeldReviews(reading(reads), 100 * KIB);
    expect((await reviews.hold(small('a'), () => input)).input()).toBe(input);
    expect(reads).toEqual([]);
  });
});

describe('what cannot be read', () => {
  const away = new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'away', retryable: true, message: '' });

  it('gives its room back, and is read again by the next that wants it', async () => {
    let failing = true;
    const table = reading();
    const reviews = new HeldReviews((of) => (failing ? Promise.reject(away) : table(of)), 100 * KIB);
    await expect(reviews.hold(large('a'))).rejects.toBe(away);
    expect(reviews.heldBytes).toBe(0);
    failing = false;
    expect((await reviews.hold(large('a'))).input()).toBe(input);
  });

  it('does not take its neighbours along', async () => {
    const table = reading();
    const broken = new Failure({ error_class: 'PROGRAMMING_ERROR', code: 'broken', retryable: false, message: '' });
    const reviews = new HeldReviews(
      (of) => (of.some(({ job_id }) => job_id === 'bad') ? Promise.reject(broken) : table(of)),
      1_000 * KIB,
    );
    const held = await Promise.allSettled(['a', 'bad', 'b'].map((job) => reviews.hold(large(job))));
    expect(held.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(reviews.heldBytes).toBe(80 * KIB);
  });

  it('OPS-1.b waits for no room any longer once the process stops', async () => {
    const reviews = new HeldReviews(reading(), 100 * KIB);
    await reviews.hold(large('a', 100));
    const waiting = reviews.hold(large('b'));
    reviews.close();
    await expect(waiting).rejects.toMatchObject({ code: 'stopping', retryable: true });
    await expect(reviews.hold(small('c'))).rejects.toMatchObject({ code: 'stopping' });
  });
});
