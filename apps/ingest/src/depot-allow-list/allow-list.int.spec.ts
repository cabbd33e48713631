import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import { writeFile } from 'node:fs/promises';
import { ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';

let fixture: IngestFixture;
let replica: Replica;

beforeAll(async () => {
  fixture = await ingestFixture();
  [replica] = await Promise.all([fixture.start({ ASSAY_KAFKA_GROUP: 'a' }), fixture.start({ ASSAY_KAFKA_GROUP: 'b' })]);
}, 60_000);
afterAll(() => fixture.close());

describe('the depot allow-list', () => {
  it('SEC-2.b is shown to operators and auditors, not to submitters', async () => {
    const { body } = await replica.get('/v1/depot-allow-list', 'operator').expect(200);
    expect(body).toMatchObject({
      changed_by: 'ops',
      entries: [
        { path: './...', broad: false },
        { path: '//depot/project/...', broad: false },
      ],
    });
    await replica.get('/v1/depot-allow-list', 'auditor').expect(200);
    const { body: history } = await replica.get('/v1/depot-allow-list/history', 'operator').expect(200);
    expect(history).toMatchObject({ items: [{ changed_by: 'ops' }] });
    await replica.get('/v1/depot-allow-list').expect(403);
    await replica.get('/v1/depot-allow-list/history').expect(403);
  });

  it('SEC-2.a is recorded once for each content, with what was added, removed, by whom and when', async () => {
    const entries = [{ path: '//depot/project/...' }, { path: '//depot/tools/...' }];
    await writeFile(fixture.env['ASSAY_DEPOT_ALLOW_LIST_FILE']!, JSON.stringify({ changed_by: 'jane', entries }));
    const later = await fixture.start({ ASSAY_KAFKA_GROUP: 'c' });
    const { body } = await eventually(() => later.get('/v1/depot-allow-list/history', 'auditor').expect(200));
    const { items } = body as { items: Record<string, unknown>[] };
    expect(items).toMatchObject([
      {
        changed_by: 'jane',
        added: [{ path: '//depot/tools/...', broad: false }],
        removed: [{ path: './...', broad: false }],
      },
      { changed_by: 'ops', added: [{ path: './...' }, { path: '//depot/project/...' }], removed: [] },
    ]);
    expect(items[0]!['recorded_at']).toMatch(/^\d{4}-.*Z$/);
    expect(items[0]!['hash']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('SEC-1.f with a bad entry stops the start and names it', async () => {
    const entries = ['//depot/project/...', '//depot/../etc'];
    await writeFile(fixture.env['ASSAY_DEPOT_ALLOW_LIST_FILE']!, JSON.stringify({ changed_by: 'jane', entries }));
    await expect(fixture.start()).rejects.toThrow(/ASSAY_DEPOT_ALLOW_LIST_FILE: .*\/\/depot\/\.\.\/etc/);
  });
});
