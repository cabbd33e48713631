import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { aSubmission } from './submissions.fixture.js';

const LIMIT_MS = 90_000;
const KIB = 1024;
const MIB = 1024 * KIB;
/** Ingest takes 2 MiB of bodies at once, 1 MiB of one source. */
const BODIES = { ASSAY_HTTP_BODIES_IN_FLIGHT_BYTES: String(2 * MIB) };

let system: TestSystem;
const open = new Set<Socket>();

beforeAll(async () => {
  system = await startSystem({ tuning: { all: BODIES } });
}, LIMIT_MS);
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});
afterAll(() => system.close(), LIMIT_MS);

const keys = () => system.services.secrets;
const submitters = () => [keys().keys.submitter, keys().source_keys.other.submitter] as const;

/** The headers of a POST whose body never comes; what is answered to them, or null after Node has taken them in. */
function announce(key: string, bytes: number, path = '/v1/reviews', url = system.services.of('ingest')[0]!.url) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  open.add(socket);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const head = [`POST ${path} HTTP/1.1`, `host: ${hostname}`, `authorization: Bearer ${key}`];
  socket.write(`${[...head, 'content-type: application/json', `content-length: ${bytes}`].join('\r\n')}\r\n\r\n`);
  return {
    answered: () =>
      eventually(() => {
        expect(text).toMatch(/^HTTP\/1\.1 \d{3}[^]*\r\n\r\n[^]*\}/);
        return { status: Number(text.slice(9, 12)), text };
      }),
    silent: () => text === '',
    gone: async () => {
      socket.destroy();
      await once(socket, 'close');
    },
  };
}

const submits = async (as: 'submitter' | 'other_submitter') =>
  (await system.call('/v1/reviews', { body: aSubmission({ changed_files: ['src/core/retry.ts'] }), as })).status;

describe('a request, by its headers', () => {
  it('ING-12.b is refused for its credential or its role before a byte of its body has come', async () => {
    const [submitter] = submitters();
    const [validator, dead_letter] = [
      system.services.of('validator')[0]!.url,
      system.services.of('dead-letter')[0]!.url,
    ];
    const cases: [key: string, path: string, url: string | undefined, status: number, code: string][] = [
      ['assay_nobody', '/v1/reviews', undefined, 401, 'unauthenticated'],
      [keys().keys.operator, '/v1/reviews', undefined, 403, 'forbidden'],
      ['assay_nobody', '/v1/validations', validator, 401, 'unauthenticated'],
      // Its role stands at the controller, not at the route.
      [submitter, '/v1/replay-plans', dead_letter, 403, 'forbidden'],
    ];
    for (const [key, path, url, status, code] of cases) {
      const { text, ...answer } = await announce(key, 5 * MIB, path, url).answered();
      expect({ path, ...answer }).toEqual({ path, status });
      expect(text).toContain(`"code":"${code}"`);
    }
  });

  it('ING-12.c waits for no body of a source that holds its share, and another source does not notice', async () => {
    const [submitter] = submitters();
    const held = announce(submitter, 900 * KIB);
    const refused = await eventually(async () => {
      const answer = await announce(submitter, 200 * KIB).answered();
      expect(answer.status).toBe(429);
      return answer.text;
    });
    expect(refused).toMatch(/retry-after: 1\r\n[^]*"code":"rate_limited"[^]*nothing was read or stored/);
    expect([held.silent(), await submits('other_submitter')]).toEqual([true, 202]);
    await held.gone();
    await eventually(async () => expect(await submits('submitter')).toBe(202));
  });

  it('ING-12.c refuses with 503 what would be more than all may hold, until there is room again', async () => {
    const [submitter, other] = submitters();
    // More than its share, but the first of its source: it is read.
    const large = announce(submitter, 1_900 * KIB);
    const refused = await eventually(async () => {
      const answer = await announce(other, 500 * KIB).answered();
      expect(answer.status).toBe(503);
      return answer.text;
    });
    expect(refused).toMatch(/retry-after: 1\r\n[^]*"code":"unavailable"/);
    expect(large.silent()).toBe(true);
    await large.gone();
    await eventually(async () => {
      const next = announce(other, 500 * KIB);
      expect(await submits('other_submitter')).toBe(202);
      expect(next.silent()).toBe(true);
    });
  });
});
