import { expect, it } from '@jest/globals';
import { loggedStatements } from './statements-log.js';

it('finds the slow statements of the services in the log of Postgres, with their beginnings', () => {
  const log = [
    '2026-11-30 12:00:00.100 UTC [71] assay_dead_letter@assay LOG:  duration: 60.500 ms  statement: COMMIT',
    '2026-11-30 12:00:01.000 UTC [72] assay_ingest@assay LOG:  duration: 3.000 ms  execute insert_jobs: INSERT INTO jobs',
    '\t(id, source) SELECT duration: 9.000 ms  statement: COMMIT',
    '2026-11-30 12:00:02.000 UTC [73] assay_ingest@assay LOG:  duration: 4.000 ms  execute <unnamed>: SELECT 1',
    '2026-11-30 12:00:02.500 UTC [74] postgres@assay LOG:  duration: 900.000 ms  statement: CHECKPOINT',
    '2026-11-30 12:00:03.000 UTC [75] @ LOG:  checkpoint complete: wrote 12 buffers',
  ].join('\n');
  const noon_ms = Date.parse('2026-11-30T12:00:00Z');
  expect(loggedStatements(log)).toEqual([
    { service: 'dead_letter', name: 'COMMIT', took_ms: 60.5, begun_at_ms: noon_ms + 100 - 60.5 },
    { service: 'ingest', name: 'insert_jobs', took_ms: 3, begun_at_ms: noon_ms + 997 },
    { service: 'ingest', name: '<unnamed>', took_ms: 4, begun_at_ms: noon_ms + 1_996 },
  ]);
});
