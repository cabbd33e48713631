import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, testRun, type TestSystem } from '@assay/testing';
import { aSubmission, type JobBody } from './submissions.fixture.js';

/** Short leases and sessions: what a killed process had in hand is taken over in seconds. */
const TUNING = {
  all: { ASSAY_LEASE_MS: '2000', ASSAY_SWEEP_INTERVAL_MS: '500', ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000' },
  notifier: { ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '900', ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '500' },
};
const LIMIT_MS = 120_000;
const CHATTER = 'Sure! Here is my review:';

interface Letter {
  id: string;
  state: string;
  job_id: string;
  subject_id: string;
  fingerprint: string;
  transitions: { cause: string; note: string | null }[];
}
interface Plan {
  id: string;
  state: string;
  progress: Record<string, number>;
}
type Job = JobBody & { generation: number };

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ tuning: TUNING });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

/** Asks dead-letter as an operator. */
async function operate<T>(path: string, body?: object): Promise<{ status: number; body: T }> {
  const { url } = system.services.of('dead-letter')[0]!;
  return (await system.call(path, { url, as: 'operator', body })) as { status: number; body: T };
}

async function submit(differs: Parameters<typeof aSubmission>[0]): Promise<Job> {
  const { body, status } = await system.call('/v1/reviews', { body: aSubmission(differs) });
  expect(status).toBe(202);
  return settled((body as Job).job_id, 0);
}

/** The job at the end of a generation. */
function settled(job_id: string, generation: number): Promise<Job> {
  return eventually(
    async () => {
      const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
      const job = body as Job;
      expect([job.generation, job.settled_at]).toEqual([generation, expect.any(String)]);
      return job;
    },
    { within_ms: 60_000 },
  );
}

/** The dead letters of a job, taken on and with evidence. */
async function remediated(job_id: string, count = 1): Promise<Letter[]> {
  const found = await eventually(async () => {
    const { body } = await operate<{ items: Letter[] }>(`/v1/dead-letters?text=${job_id}`);
    expect(body.items).toHaveLength(count);
    return body.items;
  });
  for (const { id } of found) {
    await operate(`/v1/dead-letters/${id}/triage`, {});
    const note = { type: 'note', text: 'the endpoint has been set up again' };
    expect((await operate(`/v1/dead-letters/${id}/evidence`, note)).status).toBe(201);
  }
  return found;
}

/** A job whose only delivery the endpoint refuses for good. */
async function gone(differs: Parameters<typeof aSubmission>[0] = {}): Promise<{ job: Job; letter: Letter }> {
  await system.sinks.behave('gone', { answer: 410 });
  const job = await submit({ recipients: [{ channel: 'webhook', address: 'gone' }], ...differs });
  expect(job.state).toBe('failed');
  const [letter] = await remediated(job.job_id);
  return { job, letter: letter! };
}

const mend = () => system.sinks.behave('gone', {});

async function planFor(letters: Letter[], more: object = {}): Promise<Plan> {
  const body = { dead_letter_ids: letters.map(({ id }) => id), action: 'replay', items_per_second: 50, ...more };
  const answer = await operate<Plan>('/v1/replay-plans', body);
  expect(answer).toMatchObject({ status: 201 });
  return answer.body;
}

function over(plan: Plan): Promise<Plan> {
  return eventually(
    async () => {
      const { body } = await operate<Plan>(`/v1/replay-plans/${plan.id}`);
      expect(body.state).toBe('completed');
      return body;
    },
    { within_ms: 90_000 },
  );
}

const execute = (plan: Plan) => operate<Plan>(`/v1/replay-plans/${plan.id}/execute`, {});
const letterNow = async ({ id }: Letter) => (await operate<Letter>(`/v1/dead-letters/${id}`)).body;

/** Webhooks about a job that an endpoint has accepted, by their ids: a repetition under one id is one effect. */
async function effects(job_id: string, endpoint: string): Promise<number> {
  const own = (await system.sinks.webhooks()).filter(
    (hook) => hook.endpoint === endpoint && hook.body.includes(job_id),
  );
  const accepted = own.filter(({ answered }) => answered !== 410);
  return new Set(accepted.map(({ headers }) => headers['webhook-id'])).size;
}

describe('a replay', () => {
  it('DLQ-10.a, DLQ-9.a delivers once, executed twice and by two operators at once', async () => {
    const { job, letter } = await gone();
    await mend();
    const plan = await planFor([letter]);
    const answers = await Promise.all([execute(plan), execute(plan), execute(plan)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect((await over(plan)).progress).toEqual({ resolved: 1 });
    expect(await execute(plan)).toMatchObject({ status: 409, body: { code: 'illegal_transition' } });
    expect((await settled(job.job_id, 1)).state).toBe('succeeded');
    expect(await letterNow(letter)).toMatchObject({ state: 'resolved' });
    expect(await effects(job.job_id, 'gone')).toBe(1);
  });

  it('DLQ-10.a replays two deliveries of one job one after another, each once', async () => {
    const endpoints = ['gone', 'team-chat'];
    for (const endpoint of endpoints) await system.sinks.behave(endpoint, { answer: 410 });
    const job = await submit({ recipients: endpoints.map((address) => ({ channel: 'webhook', address })) });
    const letters = await remediated(job.job_id, 2);
    for (const endpoint of endpoints) await system.sinks.behave(endpoint, {});
    const plan = await planFor(letters);
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ resolved: 2 });
    expect((await settled(job.job_id, 2)).state).toBe('succeeded');
    for (const endpoint of endpoints) expect(await effects(job.job_id, endpoint)).toBe(1);
  });

  it('DLQ-8.a, DLQ-9.a begins at an earlier stage where it is told to', async () => {
    const { job, letter } = await gone();
    await mend();
    const plan = await planFor([letter], { start_stage: 'ingest' });
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ resolved: 1 });
    const { state, timeline } = await settled(job.job_id, 1);
    expect(state).toBe('succeeded');
    expect(timeline.filter(({ event }) => event === 'review.validated')).toHaveLength(2);
    expect(await effects(job.job_id, 'gone')).toBe(1);
  });

  it('DLQ-9.b escalates when the cause was not gone', async () => {
    const { job, letter } = await gone();
    const plan = await planFor([letter]);
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ escalated: 1 });
    expect(await letterNow(letter)).toMatchObject({ state: 'escalated' });
    expect((await settled(job.job_id, 1)).state).toBe('failed');
    await mend();
    const again = await planFor([letter]);
    await execute(again);
    expect((await over(again)).progress).toEqual({ resolved: 1 });
    expect((await settled(job.job_id, 2)).state).toBe('succeeded');
  });

  it('DEL-10.b, DLQ-9.a delivers to the corrected recipient, once', async () => {
    const { job, letter } = await gone();
    const corrected_recipient = { channel: 'webhook', address: 'ci-bot' };
    const plan = await planFor([letter], { action: 'correct_recipient', corrected_recipient });
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ resolved: 1 });
    expect(await letterNow(letter)).toMatchObject({ state: 'resolved' });
    expect((await settled(job.job_id, 1)).state).toBe('succeeded');
    expect(await effects(job.job_id, 'ci-bot')).toBe(1);
    expect(await effects(job.job_id, 'gone')).toBe(0);
  });

  it('DEL-10.c, DLQ-9.a waives with a reason', async () => {
    const { job, letter } = await gone();
    const plan = await planFor([letter], { action: 'waive', reason: 'told in person' });
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ resolved: 1 });
    expect((await settled(job.job_id, 1)).state).toBe('succeeded');
    expect(await effects(job.job_id, 'gone')).toBe(0);
  });

  it('ING-9.d is refused where the version was submitted again meanwhile, and its dead letter stands open', async () => {
    const failed = await submit({ review_result: CHATTER });
    const [letter] = (await remediated(failed.job_id)) as [Letter];
    const plan = await planFor([letter]);
    const { timeline: _, ...told } = failed;
    const changelist_id = (told as unknown as { changelist_id: string }).changelist_id;
    const again = await submit({ changelist_id, idempotency_key: `again-${changelist_id}` });
    expect(again.state).toBe('succeeded');
    await execute(plan);
    expect((await over(plan)).progress).toEqual({ refused: 1 });
    const now = await letterNow(letter);
    expect(now.state).toBe('open');
    expect(now.transitions.at(-1)).toMatchObject({ cause: 'replay_refused', note: 'superseded_by_job' });
    expect((await settled(failed.job_id, 0)).state).toBe('failed');
  });

  it('DLQ-10.a does nothing twice where the version was submitted again, and delivered, meanwhile', async () => {
    const { job, letter } = await gone();
    const plan = await planFor([letter]);
    await mend();
    const { changelist_id } = job as unknown as { changelist_id: string };
    const recipients = [{ channel: 'webhook', address: 'gone' }];
    const again = await submit({ changelist_id, recipients, idempotency_key: `again-${changelist_id}` });
    await execute(plan);
    const { progress } = await over(plan);
    expect(progress['resolved'] ?? 0).toBe(0);
    expect(again.state).toBe('succeeded');
    const delivered = (await effects(job.job_id, 'gone')) + (await effects(again.job_id, 'gone'));
    expect(delivered).toBe(1);
  });

  it(
    'DLQ-10.c replays each item once while dead-letter, ingest and notifier are killed',
    async () => {
      const failed = [];
      for (let n = 0; n < 6; n += 1) failed.push(await gone());
      await mend();
      const plan = await planFor(
        failed.map(({ letter }) => letter),
        { items_per_second: 1 },
      );
      await execute(plan);
      for (const service of ['dead-letter', 'ingest', 'notifier'] as const) {
        const [replica] = system.services.of(service);
        await system.services.restart(replica!, 'SIGKILL');
      }
      expect((await over(plan)).progress).toEqual({ resolved: 6 });
      for (const { job, letter } of failed) {
        expect(await settled(job.job_id, 1)).toMatchObject({ state: 'succeeded', generation: 1 });
        expect(await letterNow(letter)).toMatchObject({ state: 'resolved' });
        expect(await effects(job.job_id, 'gone')).toBe(1);
      }
    },
    LIMIT_MS,
  );
});

describe('assayctl, against the services', () => {
  async function assayctl(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const { url } = system.services.of('dead-letter')[0]!;
    const key_file = join(system.log_directory, 'operator.key');
    await writeFile(key_file, `${system.services.secrets.keys.operator}\n`, { mode: 0o600 });
    const main = join(testRun().build, 'bin', 'assayctl.js');
    const env = { PATH: process.env['PATH'], ASSAY_URL: url };
    const child = spawn(process.execPath, [main, ...args, '--key-file', key_file], { env });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, out, err };
  }

  it('DLQ-14.a DLQ-14.b takes a dead letter from the list to its end', async () => {
    await system.sinks.behave('gone', { answer: 410 });
    const job = await submit({ recipients: [{ channel: 'webhook', address: 'gone' }] });
    await mend();
    const found = await eventually(async () => {
      const listed = await assayctl('dead-letters', 'list', '--text', job.job_id, '--json');
      const { items } = JSON.parse(listed.out) as { items: Letter[] };
      expect(items).toHaveLength(1);
      return items[0]!;
    });
    const table = await assayctl('dead-letters', 'list', '--state', 'open', '--all');
    expect(table).toMatchObject({ code: 0, err: '' });
    expect(table.out).toMatch(new RegExp(`${found.id} +open +notify +RECIPIENT_INVALID`));

    const bare = await assayctl('replay', 'plan', found.id);
    expect([bare.code, bare.err]).toEqual([1, expect.stringMatching(/evidence_required: .*\n +\/dead_letter_ids\/0/)]);
    expect(await assayctl('dead-letters', 'triage', found.id, '--assignee', 'kim')).toMatchObject({ code: 0 });
    const ticket = ['ticket', 'reference=OPS-17', 'url=https://tickets.example.com/OPS-17'];
    expect(await assayctl('dead-letters', 'evidence', found.id, ...ticket)).toMatchObject({ code: 0 });
    expect((await assayctl('dead-letters', 'evidence', found.id)).out).toMatch(/ticket +key:\S+ +reference: OPS-17/);
    const shown = (await assayctl('dead-letters', 'show', found.id)).out;
    for (const text of [found.id, 'remediated, with kim', 'evidence_attached', 'OPS-17']) expect(shown).toContain(text);

    const made = await assayctl('replay', 'plan', found.id, '--reason', 'set up again', '--json');
    const plan = JSON.parse(made.out) as Plan;
    expect(plan).toMatchObject({ state: 'frozen', progress: { pending: 1 }, items: [{ state: 'pending' }] });
    const watched = await assayctl('replay', 'execute', plan.id, '--watch');
    expect([watched.code, watched.out]).toEqual([0, expect.stringMatching(/completed .*\n +1 resolved\n/)]);
    expect(watched.err).toContain('completed: 1 resolved\n');
    const status = await assayctl('replay', 'status', plan.id);
    expect([status.code, status.out]).toEqual([0, expect.stringContaining(found.id)]);
    expect((await assayctl('replay', 'status')).out).toContain(plan.id);
    expect(await assayctl('replay', 'pause', plan.id)).toMatchObject({ code: 1 });
  });

  it('DLQ-14.c answers 1 for a plan that did not resolve what it took on', async () => {
    const job = await submit({ review_result: CHATTER });
    const [letter] = (await remediated(job.job_id)) as [Letter];
    const made = await assayctl('replay', 'plan', letter.id, '--json');
    const watched = await assayctl('replay', 'execute', (JSON.parse(made.out) as Plan).id, '--watch', '--json');
    expect(watched.code).toBe(1);
    expect(JSON.parse(watched.out)).toMatchObject({ state: 'completed', progress: { escalated: 1 } });
    const ended = await assayctl('dead-letters', 'end-replay', letter.id, '--reason', 'nobody told of it');
    expect([ended.code, ended.err]).toEqual([1, expect.stringMatching(/illegal_transition: .*no replay is under way/)]);
    const discarded = await assayctl('dead-letters', 'discard', letter.id, '--reason', 'the model was replaced');
    expect(discarded).toMatchObject({ code: 0, out: `dead letter ${letter.id} is discarded\n` });
    expect(await assayctl('dead-letters', 'incidents', '--stage', 'validate')).toMatchObject({ code: 0 });
  });

  it('DLQ-14.a pauses, resumes and cancels a plan, and ends the replay of a dead letter', async () => {
    const letters = [(await gone()).letter, (await gone()).letter];
    const made = await assayctl('replay', 'plan', ...letters.map(({ id }) => id), '--rate', '0.1', '--json');
    const { id } = JSON.parse(made.out) as Plan;
    const ingest = system.services.of('ingest')[0]!.process;
    // Nobody answers, so that the replay that was asked for stays under way.
    ingest.kill('SIGSTOP');
    try {
      for (const act of ['execute', 'pause', 'resume'])
        expect(await assayctl('replay', act, id)).toMatchObject({ code: 0 });
      const asked = await eventually(async () => {
        const found = (await Promise.all(letters.map(letterNow))).find(({ state }) => state === 'replaying');
        expect(found).toBeDefined();
        return found!;
      });
      const cancelled = await assayctl('replay', 'cancel', id, '--json');
      // A plan that is over without having resolved all that it took on.
      expect([cancelled.code, JSON.parse(cancelled.out)]).toMatchObject([1, { id, state: 'cancelled' }]);
      const ended = await assayctl('dead-letters', 'end-replay', asked.id, '--reason', 'ingest is silent', '--json');
      expect([ended.code, JSON.parse(ended.out)]).toMatchObject([0, { id: asked.id, state: 'open' }]);
    } finally {
      ingest.kill('SIGCONT');
    }
  });
});
