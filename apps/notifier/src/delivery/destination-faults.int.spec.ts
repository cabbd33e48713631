import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated, StageDeadLettered, StageRecovered } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';
import { Providers } from '../providers/index.js';
import { aFailure, ClassifiedProvider } from './classified.provider.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const FAILING_MS = 800;

jest.setTimeout(60_000);

let notifier: NotifierFixture;
let recovered: Collector;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  recovered = await notifier.kafka.consume('stage.recovered');
});
afterEach(() => notifier.close());

const lettersOf = (subject_type: string): StageDeadLettered[] =>
  notifier.dead.records
    .map((record) => record.json<StageDeadLettered>())
    .filter((letter) => letter.subject_type === subject_type)
    .toSorted((a, b) => a.revision - b.revision);

const recoveries = (): StageRecovered[] => recovered.records.map((record) => record.json<StageRecovered>());

/** The last word of the letters about a subject type, once it holds. */
function letter(subject_type: string, holds: (letter: StageDeadLettered) => void): Promise<StageDeadLettered> {
  return eventually(
    () => {
      const last = lettersOf(subject_type).at(-1);
      expect(last).toBeDefined();
      holds(last!);
      return last!;
    },
    { within_ms: 20_000 },
  );
}

const recovery = (): Promise<StageRecovered> =>
  eventually(
    () => {
      expect(recoveries()).toHaveLength(1);
      return recoveries()[0]!;
    },
    { within_ms: 20_000 },
  );

/** A provider whose answers the test classifies. */
function classified(): { provider: ClassifiedProvider; providers: () => Providers } {
  const provider = new ClassifiedProvider();
  return { provider, providers: () => new Providers([provider]) };
}

const jobsOf = (reviews: readonly ReviewValidated[]) => reviews.map(({ job_id }) => job_id).sort();

describe('a destination that fails', () => {
  it('DEL-8.h is one dead letter over all replicas once it has failed for long enough, and resolves at the first success', async () => {
    const over = { ASSAY_NOTIFIER_DESTINATION_FAILING_MS: `${FAILING_MS}` };
    await Promise.all([notifier.start(over), notifier.start(over)]);
    notifier.bot.behave(answer(503));
    const reviews = [
      await notifier.tell([BOT]),
      await notifier.tell([BOT], { source: 'other' }),
      await notifier.tell([BOT]),
    ];
    const told = await letter('destination', ({ sanitized_context }) =>
      expect([...(sanitized_context['waiting_jobs'] as string[])].sort()).toEqual(jobsOf(reviews)),
    );
    expect(told).toMatchObject({
      ...{ job_id: null, source: '*', stage: 'notify', error_class: 'DEPENDENCY_UNAVAILABLE' },
      sanitized_context: { destination: 'webhook:bot', waiting: 3, more_jobs_wait: false, upstream_status: 503 },
    });
    expect(told.sanitized_context['waiting_sources']).toContain('other');
    expect(Date.parse(told.sanitized_context['next_attempt_at'] as string)).toBeGreaterThan(
      Date.parse(told.last_failure_at),
    );
    for (const { first_failure_at, last_failure_at } of lettersOf('destination')) {
      expect(Date.parse(last_failure_at) - Date.parse(first_failure_at)).toBeGreaterThanOrEqual(FAILING_MS);
    }
    notifier.bot.behave(answer(204));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    const end = await recovery();
    const letters = lettersOf('destination');
    expect(new Set(letters.map(({ subject_id }) => subject_id))).toEqual(new Set([end.subject_id]));
    expect(new Set(letters.map(({ revision }) => revision)).size).toBe(letters.length);
    expect(end).toMatchObject({ subject_type: 'destination', cause: 'delivered', job_id: null, source: '*' });
    expect(end.revision).toBeGreaterThan(letters.at(-1)!.revision);
    expect(lettersOf('delivery')).toEqual([]);
  });

  it('DEL-8.h says nothing of one that recovers in time, and counts the next time from its own beginning', async () => {
    await notifier.start({ ASSAY_NOTIFIER_DESTINATION_FAILING_MS: '4000' });
    notifier.bot.behave(answer(503));
    const first = await notifier.tell([BOT]);
    const since = () => notifier.database.sql('SELECT failing_since, recovered_at FROM destination_faults');
    const [before] = await eventually(async () => {
      const rows = await since();
      expect(rows).toHaveLength(1);
      return rows as { failing_since: string }[];
    });
    notifier.bot.behave(answer(204));
    await notifier.deliveries(first, 'sent');
    await eventually(async () => expect((await since())[0]).not.toMatchObject({ recovered_at: null }));
    notifier.bot.behave(answer(503));
    const second = await notifier.tell([BOT]);
    await eventually(async () => {
      const [row] = (await since()) as { failing_since: string; recovered_at: string | null }[];
      expect(row!.recovered_at).toBeNull();
      expect(new Date(row!.failing_since).getTime()).toBeGreaterThan(new Date(before!.failing_since).getTime());
    });
    notifier.bot.behave(answer(204));
    await notifier.deliveries(second, 'sent');
    expect([lettersOf('destination'), recoveries()]).toEqual([[], []]);
  });

  it('DEL-8.i is told at once where the fault cannot mend itself, with what the receiver answered', async () => {
    const { provider, providers } = classified();
    const moved = { status: 301, headers: { location: 'https://new.example/hook' }, text: 'moved' };
    provider.answer = () => ({
      ...{ verdict: 'not_sent_retryable', concerns: 'destination', stays: true, answer: moved },
      failure: aFailure('http_301'),
    });
    await notifier.start({}, providers);
    const review = await notifier.tell([SLOW]);
    const told = await letter('destination', () => undefined);
    expect(told).toMatchObject({
      ...{ code: 'http_301', revision: 1 },
      sanitized_context: {
        destination: 'webhook:slow',
        message: 'the endpoint said http_301',
        answer: moved,
        waiting_jobs: [review.job_id],
      },
    });
    provider.answer = () => null;
    await notifier.deliveries(review, 'sent');
    expect((await recovery()).subject_id).toBe(told.subject_id);
  });

  it('DEL-8.h recovers by a success of whichever replica has it', async () => {
    const first = await notifier.start({ ASSAY_NOTIFIER_DESTINATION_FAILING_MS: '1' });
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    const { subject_id } = await letter('destination', () => undefined);
    await first.stop();
    notifier.bot.behave(answer(204));
    await notifier.start();
    await notifier.deliveries(review, 'sent');
    expect((await recovery()).subject_id).toBe(subject_id);
  });

  it('DEL-7.d is one dead letter for each version of a credential, over all replicas', async () => {
    const { provider, providers } = classified();
    provider.answer = () => ({
      ...{ verdict: 'not_sent_retryable', concerns: 'credential' },
      failure: aFailure('http_401', true, 'AUTHENTICATION_FAILED'),
    });
    await Promise.all([notifier.start({}, providers), notifier.start({}, providers)]);
    const reviews = [await notifier.tell([BOT]), await notifier.tell([BOT]), await notifier.tell([BOT])];
    const ofVersion = (version: number) =>
      letter('credential', ({ sanitized_context }) => {
        expect(sanitized_context).toMatchObject({ credential_version: version });
        expect([...(sanitized_context['waiting_jobs'] as string[])].sort()).toEqual(jobsOf(reviews));
      });
    const first = await ofVersion(1);
    provider.fingerprint = 'another';
    const second = await eventually(() => {
      const found = lettersOf('credential').find(
        ({ sanitized_context }) => sanitized_context['credential_version'] === 2,
      );
      expect(found).toBeDefined();
      return found!;
    });
    expect(second.subject_id).not.toBe(first.subject_id);
    provider.answer = () => null;
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    const subjects = new Set(lettersOf('credential').map(({ subject_id }) => subject_id));
    expect(subjects).toEqual(new Set([first.subject_id, second.subject_id]));
    expect(lettersOf('delivery')).toEqual([]);
  });

  it('DLQ-3.e resolves the dead letter of a credential at the first success', async () => {
    await notifier.start();
    notifier.bot.behave(answer(401));
    const review = await notifier.tell([BOT]);
    const { subject_id } = await letter('credential', () => undefined);
    notifier.bot.behave(answer(204));
    await notifier.deliveries(review, 'sent');
    expect(await recovery()).toMatchObject({ subject_id, subject_type: 'credential' });
  });

  it('DLQ-3.d keeps what the receiver answered in the dead letter of a delivery', async () => {
    const { provider, providers } = classified();
    const gone = { status: 410, headers: { 'content-type': 'text/plain' }, text: 'we have moved on' };
    provider.answer = () => ({
      ...{ verdict: 'not_sent_permanent', concerns: 'recipient', answer: gone },
      failure: aFailure('http_410', false, 'RECIPIENT_INVALID'),
    });
    await notifier.start({}, providers);
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    expect(notifier.deadOf(review)[0]!.sanitized_context['answer']).toEqual(gone);
  });
});
