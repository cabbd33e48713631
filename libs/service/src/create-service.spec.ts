import { Body, Controller, Get, Inject, Module, Param, Post, Query } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Failure, Problem } from '@assay/contracts';
import { addLogSink, currentContext } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { CurrentPrincipal, newApiKey, Public, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { eventually } from '@assay/testing';
import { IsInt, IsOptional, IsString } from 'class-validator';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService } from './create-service.js';
import type { RunningService } from './create-service.js';
import { Readiness } from './health.js';
import { JsonBody } from './json-body.js';
import { Shutdown } from './shutdown.js';

class Note {
  @IsString() text: string;
  @IsOptional() @IsInt() count?: number;
}
class NoteQuery {
  @IsOptional() @IsString() after?: string;
}

@Controller('v1/notes')
class NotesController {
  constructor(@Inject(Shutdown) private readonly shutdown: Shutdown) {}

  @Get()
  @Roles('operator')
  list(@Query() query: NoteQuery) {
    return { query };
  }

  @Get('closed')
  closed() {
    return { never: true };
  }

  @Get('whoami')
  @Roles('operator', 'submitter')
  whoami(@CurrentPrincipal() principal: Principal) {
    return { ...principal, ...currentContext() };
  }

  @Get('broken')
  @Public()
  broken() {
    throw new TypeError('cannot read password=hunter2-of-the-database');
  }

  @Get('telling')
  @Public()
  telling() {
    throw new Problem('invalid_request', {
      detail: 'not taken: password=tangerine of jo@example.org',
      extensions: { seen: ['Authorization: Bearer tan-ger-ine-9'], api_key: 'tangerine' },
    });
  }

  @Get('away')
  @Public()
  away() {
    throw new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'gone', retryable: true, message: 'gone' });
  }

  @Get('wait')
  @Public()
  wait() {
    return new Promise((resolve) =>
      this.shutdown.signal.addEventListener('abort', () => resolve({ answered: 'early' })),
    );
  }

  @Get(':id')
  @Public()
  one(@Param('id') id: string) {
    return { id };
  }

  @Post()
  @Roles('submitter')
  add(@Body() note: Note) {
    return { ...note, ...currentContext() };
  }

  @Post('raw')
  @Public()
  raw(@Body() { bytes, value }: JsonBody) {
    return { size: bytes.length, text: bytes.toString(), value };
  }
}

@Module({ controllers: [NotesController] })
class NotesModule {}

const submitter = newApiKey();
const operator = newApiKey();
const expired = newApiKey();
let service: RunningService;
const folder = mkdtempSync(join(tmpdir(), 'assay-service-'));

function keyFile(): string {
  const path = join(folder, 'keys.json');
  const keys = [
    { id: 'ci', sha256: submitter.sha256, role: 'submitter', sources: ['acme'] },
    { id: 'ops', sha256: operator.sha256, role: 'operator', sources: ['acme', 'other'] },
    { id: 'old', sha256: expired.sha256, role: 'operator', sources: '*', expires_at: '2020-01-01T00:00:00Z' },
  ];
  writeFileSync(path, JSON.stringify({ keys }));
  return path;
}

const settings = (api_keys_file: string) => ({
  instance: 'test-1',
  http_host: '127.0.0.1',
  http_port: 0,
  probe_host: null,
  probe_port: null,
  http_body_limit_bytes: 4096,
  http_bodies_in_flight_bytes: 8 * 1024 * 1024,
  ...{ http_rate_per_s: 1_000, http_rate_burst: 1_000, http_concurrency: 1_000 },
  api_keys_file,
});

beforeAll(async () => {
  service = await startService({ name: 'notes', module: { module: NotesModule } }, settings(keyFile()));
});
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

const bearer = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });
const json = { 'content-type': 'application/json' };

const PROBES = new Set(['/livez', '/readyz', '/metrics']);

async function call(path: string, init: RequestInit = {}) {
  const base = PROBES.has(path) ? service.probes_url : service.url;
  const response = await fetch(base + path, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  call(path, { method: 'POST', body, headers: { ...json, ...bearer(submitter), ...headers } });

describe('problem details', () => {
  it('ING-10.d answers 401 with a problem when no, a bad or an expired credential came', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer assay_nope' },
      { authorization: 'Basic eDp5' },
      bearer(expired),
    ]) {
      const answer = await call('/v1/notes', { headers: headers as Record<string, string> });
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated', status: 401 } });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('ING-10.d, SEC-6.d answers 403 to a role that the route does not admit, and to everyone where no role is declared', async () => {
    expect(await call('/v1/notes', { headers: bearer(submitter) })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect(await call('/v1/notes/closed', { headers: bearer(operator) })).toMatchObject({ status: 403 });
    expect(await call('/v1/notes', { headers: bearer(operator) })).toMatchObject({ status: 200 });
  });

  it('SEC-6.a takes the source from the credential', async () => {
    const { body } = await call('/v1/notes/whoami', { headers: bearer(submitter) });
    expect(body).toMatchObject({ key_id: 'ci', role: 'submitter', source: 'acme', sources: ['acme'] });
  });

  it('ING-10.b answers 400 malformed_json without an echo when the body is not JSON or is missing', async () => {
    for (const body of ['{"text": hunter2', '', '{"a":1}}', 'x']) {
      const answer = await post('/v1/notes', body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
      expect(answer.text).not.toContain('hunter2');
    }
  });

  it('ING-10.b answers 400 invalid_encoding when the body is not UTF-8', async () => {
    const answer = await post('/v1/notes', new Uint8Array([0x22, 0xc3, 0x28, 0x22]));
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_encoding' } });
  });

  it('ING-10.b answers 413 when the body is over the limit', async () => {
    const answer = await post('/v1/notes', JSON.stringify({ text: 'x'.repeat(5000) }));
    expect(answer).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
  });

  it('ING-10.b answers 415 when the media type or the charset is another', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/json; charset=latin1', 'nonsense']) {
      const answer = await post('/v1/notes', '{"text":"x"}', { 'content-type': type });
      expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
    }
    expect(
      (await post('/v1/notes', '{"text":"x"}', { 'content-type': 'application/json; charset=UTF-8' })).status,
    ).toBe(201);
  });

  it('ING-10.a, ING-10.b answers 400 with a pointer per bad field, unknown ones included', async () => {
    const answer = await post('/v1/notes', '{"text": 5, "count": "1", "a/b": 1}');
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.errors).toEqual([
      { pointer: '/a~1b', code: 'unknown_field', detail: 'should not exist' },
      { pointer: '/text', code: 'is_string', detail: 'must be a string' },
      { pointer: '/count', code: 'is_int', detail: 'must be an integer number' },
    ]);
    const query = await call('/v1/notes?before=x', { headers: bearer(operator) });
    expect(query.body.errors).toEqual([{ pointer: '?before', code: 'unknown_field', detail: 'should not exist' }]);
    expect((await post('/v1/notes', '[]')).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '' }] });
  });

  it('ING-10.a answers 404 for no such path and 405 with Allow for another method', async () => {
    expect(await call('/v1/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const answer = await call('/v1/notes', { method: 'DELETE', headers: bearer(operator) });
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it('ING-10.a, DLQ-1.c answers 500 without stack or message, and pages for the bug by log event and metric', async () => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    const answer = await call('/v1/notes/broken', { headers: { 'x-correlation-id': 'corr-500' } });
    stop();
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal_error', correlation_id: 'corr-500' } });
    expect(answer.text).not.toMatch(/hunter2|TypeError|at /);
    const line = lines.find(({ event }) => event === 'programming_error');
    expect(line).toMatchObject({ level: 'error', where: 'http', correlation_id: 'corr-500' });
    expect(line!.error).toContain('TypeError: cannot read password=[redacted]');
    expect((await call('/metrics')).text).toMatch(/assay_programming_errors_total\{where="http"\} 1/);
  });

  it('SEC-4.i, ING-10.a passes every error answer through the redactor', async () => {
    const { status, text, body } = await call('/v1/notes/telling');
    expect({ status, ...body }).toMatchObject({ status: 400, detail: 'not taken: password=[redacted] of [redacted]' });
    expect(text).not.toMatch(/tangerine|tan-ger|jo@/);
  });

  it('ING-10.a takes a caller that goes away amid its body for no bug', async () => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    socket.write('POST /v1/notes/raw HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
    socket.write('X-Correlation-Id: gone-1\r\nContent-Length: 100\r\n\r\n{"text":');
    // The server has the head once it is done with another request of the same loop.
    await once(socket, 'connect');
    await call('/v1/notes/another');
    socket.destroy();
    await eventually(async () => {
      const { text } = await call('/metrics');
      expect(text).toMatch(/aborted_total\{method="POST",route="\/v1\/notes\/raw"\} 1/);
    });
    stop();
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('answers 503 with Retry-After when a dependency is away', async () => {
    const answer = await call('/v1/notes/away');
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('ING-10.a takes a path parameter of any length for a name like another one', async () => {
    const id = 'x'.repeat(8_000);
    expect(await call(`/v1/notes/${id}`)).toMatchObject({ status: 200, body: { id } });
  });

  it('ING-10.b answers 400 for a path that is no URL', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      rawRequest(`${service.url}/v1/notes/%zz`, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(400);
  });
});

describe('bodies', () => {
  it('VAL-12.f strips a byte order mark and hands over bytes and value', async () => {
    const answer = await post('/v1/notes/raw', new Uint8Array([0xef, 0xbb, 0xbf, ...Buffer.from('{"a": 1}')]));
    expect(answer.body).toEqual({ size: 8, text: '{"a": 1}', value: { a: 1 } });
  });

  it('VAL-12.f is not harmed by prototype keys', async () => {
    const answer = await post('/v1/notes', '{"text":"x","__proto__":{"count":1}}');
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/__proto__' }] } });
    expect(({} as Record<string, unknown>).count).toBeUndefined();
  });
});

describe('correlation', () => {
  it('OBS-1.c carries a sane correlation id and continues the trace into a handler behind a body', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await post('/v1/notes', '{"text":"x"}', { 'x-correlation-id': 'build-77', traceparent });
    expect(answer.headers.get('x-correlation-id')).toBe('build-77');
    expect(answer.body.correlation_id).toBe('build-77');
    expect(answer.body.traceparent).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
    );
  });

  it('OBS-1.c makes a UUIDv7 where the correlation id is absent or not sane', async () => {
    for (const given of ['', 'with space', 'x'.repeat(200), '"quoted"']) {
      const answer = await post('/v1/notes', '{"text":"x"}', given ? { 'x-correlation-id': given } : {});
      expect(answer.body.correlation_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }
  });
});

describe('health', () => {
  it('is told on a port of its own, and on no other', async () => {
    for (const path of PROBES) {
      expect([path, (await fetch(service.probes_url + path)).status]).toEqual([path, 200]);
      expect([path, (await fetch(service.url + path, { headers: bearer(operator) })).status]).toEqual([path, 404]);
    }
    for (const path of ['/', '/v1/notes', '/livez/', '/constructor', '/metrics/x']) {
      const answered = await fetch(service.probes_url + path, { headers: bearer(operator) });
      expect([path, answered.status]).toEqual([path, 404]);
    }
    expect((await fetch(`${service.probes_url}/livez`, { method: 'POST', body: '{}' })).status).toBe(405);
    const head = await fetch(`${service.probes_url}/readyz?verbose`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('OPS-1.a says not ready while a dependency is away, by code alone', async () => {
    const readiness = service.app.get(Readiness);
    expect(await call('/readyz')).toMatchObject({ status: 200, body: { ok: true } });
    readiness.register('flaky', () => Promise.reject(new Error('postgres://u:hunter2@h/db')));
    expect(await call('/readyz')).toMatchObject({
      status: 503,
      body: { checks: { flaky: { ok: false, code: 'unexpected_error' } } },
    });
    readiness.register('flaky', () => Promise.resolve());
    expect(await call('/livez')).toMatchObject({ status: 200 });
  });

  it('OBS-2.f serves metrics in Prometheus text', async () => {
    await call('/v1/notes/counted');
    const answer = await call('/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(answer.text).toMatch(/^assay_http_request_duration_seconds_bucket\{method="GET",route="\/v1\/notes\/:id"/m);
  });
});

describe('shutdown', () => {
  it('OPS-1.b answers waiting requests, then closes everything once, in order', async () => {
    const order: string[] = [];
    @Module({})
    class Parts {
      onModuleDestroy() {
        order.push('work queue');
      }
      beforeApplicationShutdown() {
        order.push('publisher');
      }
      onApplicationShutdown() {
        order.push('pool');
      }
    }
    const running = await startService(
      {
        name: 'ordered',
        module: { module: NotesModule, imports: [Parts] },
        transport: () => ({
          listen: (done: () => void) => done(),
          close: () => order.push('consumer'),
          on: () => undefined,
          unwrap: () => undefined as never,
        }),
      },
      settings(keyFile()),
    );
    const waiting = fetch(`${running.url}/v1/notes/wait`).then((answer) => answer.json());
    await fetch(`${running.url}/v1/notes/1`);
    await running.stop();
    expect(await waiting).toEqual({ answered: 'early' });
    expect(order).toEqual(['consumer', 'work queue', 'publisher', 'pool']);
  });

  it('OPS-1.b closes a connection on which nothing was ever asked, instead of waiting for its first request', async () => {
    const running = await startService({ name: 'asked nothing', module: { module: NotesModule } }, settings(keyFile()));
    const { hostname, port } = new URL(running.url);
    const silent = connect(Number(port), hostname);
    await once(silent, 'connect');
    // The server has accepted it once it is done with another one's request.
    await fetch(`${running.url}/v1/notes/1`);
    const closed = once(silent, 'close');
    await running.stop();
    await closed;
    // Node's own limit for a first request is a minute.
  }, 30_000);
});
