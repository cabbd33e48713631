import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { explain, rowsRead, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { v7 } from 'uuid';
import { IntakeRepository } from './intake.repository.js';
import { OPEN_AMONG } from './sql/open-among.js';

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await testDatabase('dead_letter');
  const options = { schema: 'dead_letter', pool_size: 2, statement_timeout_ms: 10_000, application_name: 'spec' };
  database = await new Database({ url: fixedSecret(own.url), ...options }).open();
  await own.sql(`
    INSERT INTO dead_letters (
      id, subject_type, subject_id, stage, source, generation, revision, occurred_at, error_class, code, last_stack,
      sanitized_context, fingerprint, first_failure_at, last_failure_at, state, correlation_id, closed_at)
    SELECT gen_random_uuid(), 'delivery', n, 'notify', 'acme', 0, 1, now(), 'RECIPIENT_INVALID', 'smtp_550',
           repeat('x', 500), '{}', 'f', now(), now(),
           CASE WHEN n % 2 = 0 THEN 'open' ELSE 'resolved' END, 'c', CASE WHEN n % 2 = 1 THEN now() END
      FROM generate_series(1, 10000) AS n`);
  await own.sql('ANALYZE dead_letters');
});
afterAll(async () => {
  await database.close();
  await own.close();
});

const deliveries = (ids: string[]) =>
  ids.map((subject_id) => ({ subject_type: 'delivery', subject_id, stage: 'notify' }));

describe('the look for open dead letters', () => {
  it('finds the open ones of just these subjects', async () => {
    const repository = new IntakeRepository(database);
    expect([...(await repository.openAmong(deliveries(['2', '3', 'unknown'])))]).toEqual(['["2","delivery","notify"]']);
    expect((await repository.openAmong([])).size).toBe(0);
  });

  it('forgets settlements that nothing can follow any more, by the clock of the database', async () => {
    const repository = new IntakeRepository(database);
    const told = { job_id: v7(), generation: 0, revision: 1, occurred_at: '2026-01-01T00:00:00.000Z' };
    const news = deliveries(['old', 'new']).map((one) => ({ ...one, ...told, cause: 'superseded', remember: true }));
    await database.transaction((tx) => repository.remember(tx, news));
    await own.sql("UPDATE settlements SET recorded_at = now() - interval '61 days' WHERE subject_id = 'old'");
    expect(await database.transaction((tx) => repository.forget(tx))).toBe(1);
    const left = await own.sql<{ subject_id: string }>('SELECT subject_id FROM settlements');
    expect(left).toEqual([{ subject_id: 'new' }]);
  });

  it('reads no row but those it finds, with 10,000', async () => {
    const ids = ['2', '4', ...Array.from({ length: 398 }, () => v7())];
    expect(rowsRead(await explain(database, OPEN_AMONG, [ids]))).toBe(2);
  });
});
