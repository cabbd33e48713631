import { describe, expect, it } from '@jest/globals';
import { DELIVERY_STATES, REPLAY_ACTIONS } from '@assay/contracts';
import type { DeliveryState, ReplayAction } from '@assay/contracts';
import { mayMove } from '../delivery/delivery-states.js';
import { effectOf, lastOfChain, planCorrection, rowsOfJob } from './correction-rules.js';
import type { Correction, RowChange, VersionRow } from './correction-rules.js';

function row(id: string, state: DeliveryState, over: Partial<VersionRow> = {}): VersionRow {
  return {
    id,
    channel: 'email',
    address: `${id}@x.org`,
    job_id: 'j',
    state,
    original_ids: null,
    replaced_by: null,
    ...over,
  };
}

function ask(action: ReplayAction, over: Partial<Correction> = {}): Correction {
  const corrected_recipient =
    action === 'correct_recipient' ? { channel: 'email' as const, address: 'new@x.org' } : null;
  return { action, subject_type: 'delivery', subject_id: 'a', corrected_recipient, too_late: false, ...over };
}

const plan = (rows: VersionRow[], correction: Correction) => planCorrection(rows, rows, correction, 'n');
const changeOf = (changes: RowChange[], id: string) => changes.find((change) => change.id === id);

describe('effectOf', () => {
  it('DEL-10.c leaves every state but the failed ones alone, whatever is asked', () => {
    for (const action of REPLAY_ACTIONS) {
      for (const state of DELIVERY_STATES) {
        const failed = state === 'failed_permanent' || state === 'unknown';
        if (!failed) expect(effectOf(action, state)).toBe('leave');
      }
    }
    expect(effectOf('a later release knows it', 'failed_permanent')).toBe('leave');
  });

  it('DEL-10.c tries what may have been sent again only where the operator takes a duplicate', () => {
    expect(REPLAY_ACTIONS.map((action) => effectOf(action, 'unknown'))).toEqual([
      'leave',
      'replace',
      'send_again',
      'waive',
    ]);
  });
});

describe('planCorrection', () => {
  it('GEN-1.a makes no move that is not in the table, whatever stands and whatever is asked', () => {
    for (const action of REPLAY_ACTIONS) {
      for (const state of DELIVERY_STATES.filter((each) => each !== 'replaced')) {
        for (const other of DELIVERY_STATES) {
          for (const too_late of [false, true]) {
            const rows = [row('a', state), row('b', other, { address: 'new@x.org' })];
            for (const change of plan(rows, ask(action, { too_late })).changes) {
              if (change.cause === null) expect(change.state).toBe(change.from_state);
              else expect(mayMove(change.from_state, change.state, change.cause)).toBe(true);
            }
          }
        }
      }
    }
  });

  it.each<[ReplayAction, DeliveryState, Partial<RowChange>]>([
    ['replay', 'failed_permanent', { state: 'pending', cause: 'replayed', clears_doubt: false }],
    ['resend', 'failed_permanent', { state: 'pending', cause: 'resent', clears_doubt: true }],
    ['resend', 'unknown', { state: 'pending', cause: 'resent', clears_doubt: true }],
    ['waive', 'failed_permanent', { state: 'waived', cause: 'waived' }],
    ['waive', 'unknown', { state: 'waived', cause: 'waived' }],
    ['replay', 'unknown', { state: 'unknown', cause: null }],
    ['replay', 'sent', { state: 'sent', cause: null }],
    ['waive', 'pending', { state: 'pending', cause: null }],
  ])('DEL-10.c does %s to a delivery that is %s', (action, state, change) => {
    const made = plan([row('a', state), row('b', 'failed_permanent')], ask(action));
    expect(changeOf(made.changes, 'a')).toMatchObject(change);
    expect(made.concerned).toEqual(['a']);
    // The job's other failures go along to the new generation as they are.
    expect(changeOf(made.changes, 'b')).toMatchObject({ state: 'failed_permanent', cause: null });
  });

  it('DEL-10.b makes a new row for a corrected recipient, which stands for the first of its chain', () => {
    const made = plan([row('a', 'failed_permanent')], ask('correct_recipient'));
    expect(changeOf(made.changes, 'a')).toMatchObject({ state: 'replaced', replaced_by: 'n' });
    const recipient = { channel: 'email', address: 'new@x.org' };
    expect(made.born).toEqual({ id: 'n', replaces: 'a', recipient, original_ids: ['a'] });
    const again = [row('a', 'replaced', { replaced_by: 'b' }), row('b', 'failed_permanent', { original_ids: ['a'] })];
    const twice = plan(again, ask('correct_recipient'));
    expect(twice.born).toMatchObject({ replaces: 'b', original_ids: ['a'] });
    expect(changeOf(twice.changes, 'a')).toMatchObject({ state: 'replaced', replaced_by: 'b', cause: null });
    expect(changeOf(twice.changes, 'b')).toMatchObject({ state: 'replaced', replaced_by: 'n' });
  });

  it.each<[DeliveryState, DeliveryState]>([
    ['sent', 'sent'],
    ['pending', 'pending'],
    ['unknown', 'unknown'],
    ['superseded', 'superseded'],
    ['failed_permanent', 'pending'],
    ['waived', 'pending'],
  ])('DEL-10.b links to a delivery of the corrected recipient that is %s, and leaves it %s', (state, after) => {
    const rows = [row('a', 'unknown'), row('b', state, { address: 'new@x.org' })];
    const made = plan(rows, ask('correct_recipient'));
    expect(made.born).toBeNull();
    expect(changeOf(made.changes, 'a')).toMatchObject({ state: 'replaced', replaced_by: 'b' });
    expect(changeOf(made.changes, 'b')).toMatchObject({ state: after, original_ids: ['b', 'a'] });
    expect(made.concerned).toEqual(['b']);
  });

  it('DEL-10.b may go back to an address that was given up, which then stands for the chain alone', () => {
    const rows = [
      row('a', 'replaced', { replaced_by: 'b', address: 'new@x.org' }),
      row('b', 'failed_permanent', { original_ids: ['a'] }),
    ];
    const made = plan(rows, ask('correct_recipient'));
    expect(changeOf(made.changes, 'a')).toMatchObject({ state: 'pending', replaced_by: null, original_ids: ['a'] });
    expect(changeOf(made.changes, 'b')).toMatchObject({ state: 'replaced', replaced_by: 'a' });
  });

  it('DEL-10.b takes a correction to the same address for a replay', () => {
    const same = { channel: 'email' as const, address: 'a@x.org' };
    const correction = ask('correct_recipient', { corrected_recipient: same });
    expect(changeOf(plan([row('a', 'failed_permanent')], correction).changes, 'a')).toMatchObject({ state: 'pending' });
    const doubtful = plan([row('a', 'unknown')], correction);
    expect(changeOf(doubtful.changes, 'a')).toMatchObject({ state: 'unknown' });
    expect(doubtful.concerned).toEqual(['a']);
  });

  it('DEL-10.b leaves a correction without an address, or of a whole job, undone, and has it told', () => {
    for (const over of [{ corrected_recipient: null }, { subject_type: 'job', subject_id: 'j' }]) {
      const made = plan([row('a', 'failed_permanent')], ask('correct_recipient', over));
      expect(changeOf(made.changes, 'a')).toMatchObject({ state: 'failed_permanent', cause: null });
      expect(made).toMatchObject({ born: null, concerned: ['a'] });
    }
  });

  it('ING-6.c sends nothing of a version that a newer one has overtaken', () => {
    for (const action of ['replay', 'resend', 'correct_recipient'] as const) {
      const made = plan([row('a', 'failed_permanent')], ask(action, { too_late: true }));
      expect(changeOf(made.changes, 'a')).toMatchObject({ state: 'superseded' });
      expect(made.born).toBeNull();
    }
    expect(changeOf(plan([row('a', 'unknown')], ask('waive', { too_late: true })).changes, 'a')).toMatchObject({
      state: 'waived',
    });
  });

  it('DEL-10.c does what is asked of a job to each delivery that has failed', () => {
    const rows = [row('a', 'failed_permanent'), row('b', 'sent'), row('c', 'unknown'), row('d', 'failed_permanent')];
    const made = plan(rows, ask('replay', { subject_type: 'job', subject_id: 'j' }));
    expect(made.changes.map(({ state }) => state)).toEqual(['pending', 'sent', 'unknown', 'pending']);
    expect(made.concerned).toEqual(['a', 'c', 'd']);
  });

  it('does nothing to what it does not find', () => {
    const made = plan([row('a', 'failed_permanent')], ask('waive', { subject_id: 'z' }));
    expect(made).toMatchObject({ concerned: [], born: null, changes: [{ state: 'failed_permanent', cause: null }] });
  });
});

describe('lastOfChain', () => {
  it('DEL-10.b finds the row that a dead letter stands for, however often it was corrected', () => {
    const rows = [
      row('a', 'replaced', { replaced_by: 'b' }),
      row('b', 'replaced', { replaced_by: 'c', original_ids: ['a'] }),
      row('c', 'failed_permanent', { original_ids: ['a'] }),
      row('d', 'sent'),
    ];
    expect(lastOfChain(rows, 'a')?.id).toBe('c');
    expect(lastOfChain(rows, 'd')?.id).toBe('d');
    expect(lastOfChain(rows, 'z')).toBeUndefined();
  });
});

describe('rowsOfJob', () => {
  it('DEL-15.c takes back what another job of the version had adopted, with what replaced it', () => {
    const rows = [
      row('a', 'replaced', { job_id: 'k', replaced_by: 'b' }),
      row('b', 'sent', { job_id: 'k', original_ids: ['a'] }),
      row('c', 'sent'),
      row('d', 'failed_permanent', { job_id: 'k' }),
    ];
    const ids = (recipients: { channel: 'email'; address: string }[]) =>
      rowsOfJob(rows, 'j', 'c', recipients).map(({ id }) => id);
    expect(ids([{ channel: 'email', address: 'a@x.org' }])).toEqual(['a', 'b', 'c']);
    expect(ids([])).toEqual(['c']);
  });
});
