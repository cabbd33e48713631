import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, type CallOptions, type TestSystem } from '@assay/testing';
import { parse } from 'yaml';
import type { Role } from '../../infra/local/secrets.js';
import { type ServiceName, SERVICES } from '../../infra/local/service-names.js';
import { aSubmission } from './submissions.fixture.js';

const LIMIT_MS = 90_000;
const BURST = 6;
const CONCURRENCY = 3;
/** What a replica gives each source: one request a second, six at once, three under way. */
const LIMITS = {
  ASSAY_HTTP_RATE_PER_S: '1',
  ASSAY_HTTP_RATE_BURST: String(BURST),
  ASSAY_HTTP_CONCURRENCY: String(CONCURRENCY),
};

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ tuning: { all: LIMITS } });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

interface Operation {
  operationId: string;
  security: { api_key?: Role[] }[];
}
interface Route {
  service: ServiceName;
  method: string;
  path: string;
  role: Role;
}

/** Every route that asks for a key, as the published documents have it. */
const ROUTES = SERVICES.flatMap((service): Route[] => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'openapi', `${service}.yaml`);
  const { paths } = parse(readFileSync(file, 'utf8')) as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { security }]) => {
      const role = security[0]?.api_key?.[0];
      return role === undefined ? [] : [{ service, method: method.toUpperCase(), path, role }];
    }),
  );
});

/** Asks one after the other until it is refused, which the rest of the burst comes before. */
async function untilRefused(path: string, options: CallOptions) {
  for (let asked = 0; asked < 3 * BURST; asked += 1) {
    const { status, headers, body } = await system.call(path, options);
    if (status !== 429) continue;
    const problem = body as { code: string; detail: string; correlation_id: string };
    expect(problem.correlation_id).toBe(headers.get('x-correlation-id'));
    return { again_after: headers.get('retry-after'), content_type: headers.get('content-type'), ...problem };
  }
  throw new Error(`${options.method} ${path} was answered ${3 * BURST} times`);
}

const REFUSED = {
  again_after: expect.stringMatching(/^[1-9]\d*$/),
  content_type: expect.stringMatching(/^application\/problem\+json\b/),
  type: 'urn:assay:problem:rate_limited',
  title: 'Too many requests for this source',
  status: 429,
  code: 'rate_limited',
  detail: expect.stringMatching(
    /more than 1 requests a second.*Nothing was read or stored: send it again after Retry-After/,
  ),
};

describe('what one source may ask of a replica', () => {
  it('ING-12.a is so many requests a second on every route, dry runs and callers that wait included', async () => {
    const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
    expect(names).toEqual(expect.arrayContaining(['POST /v1/reviews', 'POST /v1/validations']));
    for (const { service, method, path, role } of ROUTES) {
      const { url } = system.services.of(service)[0]!;
      const refused = await untilRefused(path.replace(/\{\w+\}/g, 'x'), { url, method, as: role });
      expect({ service, method, path, ...refused }).toMatchObject({ service, method, path, ...REFUSED });
    }
    expect(await untilRefused('/v1/reviews/x?wait_s=1', { as: 'submitter' })).toMatchObject(REFUSED);
  });

  it('ING-12.a leaves other sources alone, and what asks for no key', async () => {
    await untilRefused('/v1/reviews', { as: 'submitter' });
    const body = aSubmission({ changed_files: ['src/core/retry.ts'] });
    expect((await system.call('/v1/reviews', { body, as: 'other_submitter' })).status).toBe(202);
    const health = await Promise.all(
      Array.from({ length: 3 * BURST }, () => fetch(`${system.services.of('ingest')[0]!.probes_url}/livez`)),
    );
    expect(new Set(health.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('ING-12.a is so many requests under way, those that wait among them, until one of them ends', async () => {
    const key = system.services.secrets.source_keys.third.submitter;
    await system.sinks.behave('ci-bot', { hang: true });
    const recipients = [{ channel: 'webhook', address: 'ci-bot' }];
    const body = aSubmission({ changed_files: ['src/core/retry.ts'], recipients });
    const { job_id } = (await system.call('/v1/reviews', { body, key })).body as { job_id: string };
    const gone = new AbortController();
    const waiting = Array.from({ length: CONCURRENCY }, () =>
      system.call(`/v1/reviews/${job_id}?wait_s=60`, { key, signal: gone.signal }).catch(() => 'gone'),
    );
    const look = () => system.call(`/v1/reviews/${job_id}`, { key });
    await eventually(async () => {
      const { status, body: problem } = await look();
      expect(status).toBe(429);
      expect(problem).toMatchObject({
        code: 'rate_limited',
        detail: expect.stringMatching(/^3 requests .* under way/),
      });
    });
    expect((await system.call('/v1/reviews', { as: 'other_submitter' })).status).toBe(200);
    gone.abort();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'gone'));
    await eventually(async () => expect((await look()).status).toBe(200));
  });
});
