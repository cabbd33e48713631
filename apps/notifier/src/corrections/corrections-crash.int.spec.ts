import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { StatementGate } from '../delivery/statement-gate.fixture.js';
import { NotifierFixture } from '../notifier.fixture.js';

const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };
const QUICK = { ASSAY_LEASE_MS: '4000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '1900' };

jest.setTimeout(90_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

async function kill(worker: ChildProcess): Promise<void> {
  worker.kill('SIGKILL');
  await once(worker, 'exit');
}

/** A mail whose outcome nobody knows, with its dead letter told. */
async function unknownMail() {
  notifier.mail.behave('cut_after_accepting');
  const review = await notifier.tell([DEV]);
  const [mail] = await notifier.deliveries(review, 'unknown');
  await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1), { within_ms: 20_000 });
  notifier.mail.behave('accept');
  return { review, subject: { subject_type: 'delivery' as const, subject_id: mail!.id } };
}

const endsOf = (review: ReviewValidated, generation: number) =>
  notifier.settledOf(review).filter((each) => each.generation === generation && each.summary.open === 0);

describe('a crash while an operator’s action is taken', () => {
  it('GEN-5.a before it is stored leaves nothing of it, and it is taken by the next', async () => {
    const first = await notifier.spawn(QUICK);
    const { review, subject } = await unknownMail();
    const gate = await StatementGate.close(notifier.database, 'waived');
    await notifier.replay(review, { ...subject, action: 'waive', reason: 'was seen' });
    await gate.reached();
    await kill(first);
    await gate.turnAway();
    await notifier.deliveries(review, 'unknown');
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'waived');
    await eventually(() => expect(endsOf(review, 1).length).toBeGreaterThan(0), { within_ms: 20_000 });
    expect(new Set(endsOf(review, 1).map(({ revision }) => revision)).size).toBe(1);
  });

  it('GEN-5.a between its commit and its publication is told by the next', async () => {
    const first = await notifier.spawn(QUICK);
    const { review, subject } = await unknownMail();
    await notifier.database.sql(`ALTER TABLE notifier.work_items ADD CONSTRAINT nobody_publishes
      CHECK (queue <> 'parent' OR state <> 'running') NOT VALID`);
    await notifier.replay(review, { ...subject, action: 'waive', reason: 'was seen' });
    await notifier.deliveries(review, 'waived');
    await kill(first);
    expect(endsOf(review, 1)).toEqual([]);
    await notifier.database.sql('ALTER TABLE notifier.work_items DROP CONSTRAINT nobody_publishes');
    await notifier.spawn(QUICK);
    await eventually(() => expect(endsOf(review, 1).length).toBeGreaterThan(0), { within_ms: 20_000 });
    expect(endsOf(review, 1)[0]).toMatchObject({ deliveries: [{ delivery_id: subject.subject_id, state: 'waived' }] });
  });

  it('DEL-13.b while what was resent is on its way is in doubt once more, and never a third mail by itself', async () => {
    const first = await notifier.spawn(QUICK);
    const { review, subject } = await unknownMail();
    const gate = await StatementGate.close(notifier.database, 'sent');
    await notifier.replay(review, { ...subject, action: 'resend' });
    await gate.reached();
    expect(notifier.mail.accepted).toHaveLength(2);
    await kill(first);
    await gate.turnAway();
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'unknown');
    const letters = await eventually(
      () => {
        expect(notifier.deadOf(review)).toHaveLength(2);
        return notifier.deadOf(review);
      },
      { within_ms: 20_000 },
    );
    expect(letters.at(-1)).toMatchObject({ generation: 1, error_class: 'OUTCOME_UNKNOWN', ...subject });
    expect(notifier.mail.accepted).toHaveLength(2);
  });
});

describe('a worker that wakes after an operator has decided', () => {
  it('GEN-3.a settles nothing of the generation that has begun without it', async () => {
    const first = await notifier.spawn(QUICK);
    notifier.mail.behave('silent_after_accepting');
    const review = await notifier.tell([DEV]);
    await eventually(() => expect(notifier.mail.accepted).toHaveLength(1), { within_ms: 20_000 });
    first.kill('SIGSTOP');
    let log = '';
    first.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    notifier.mail.behave('accept');
    await notifier.spawn(QUICK);
    const [mail] = await notifier.deliveries(review, 'unknown');
    await notifier.replay(review, { subject_type: 'delivery', subject_id: mail!.id, action: 'resend' });
    await notifier.deliveries(review, 'sent');
    first.kill('SIGCONT');
    await eventually(() => expect(log).toContain('"event":"lease_lost"'), { within_ms: 20_000 });
    await notifier.deliveries(review, 'sent');
    expect(notifier.mail.accepted).toHaveLength(2);
    const moves = await notifier.moves(mail!.id);
    expect(moves.map(({ to_state }) => to_state)).toEqual([
      'pending',
      'sending',
      'unknown',
      'pending',
      'sending',
      'sent',
    ]);
    expect(notifier.deadOf(review).map(({ generation }) => generation)).toEqual([0]);
  });
});
