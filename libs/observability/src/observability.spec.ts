import { describe, expect, it } from '@jest/globals';
import { announceSecurityNotice as notify, Secret } from '@assay/security';
import { correlationIdFrom, currentContext, runInContext } from './context.js';
import { addLogSink, createLog } from './log.js';
import type { LogLine } from './log.js';
import { counter, gauge, histogram, observableGauge, renderMetrics } from './metrics.js';
import { inSpan, startSpan } from './spans.js';
import { startTelemetry } from './telemetry.js';
import { continueTraceparent, parseTraceparent } from './traceparent.js';

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function linesOf(work: () => void): LogLine[] {
  const lines: LogLine[] = [];
  const stop = addLogSink((line) => lines.push(line));
  work();
  stop();
  return lines;
}

describe('createLog', () => {
  const log = createLog('spec', ['thing_done', 'thing_failed']);

  it('OBS-3.a writes one event of the closed list with correlation, trace and job id', () => {
    const [line] = linesOf(() =>
      runInContext({ correlation_id: 'c-1', traceparent: parent }, () =>
        log.info('thing_done', { job_id: 'j-1', count: 2 }),
      ),
    );
    expect(line).toMatchObject({
      level: 'info',
      component: 'spec',
      event: 'thing_done',
      correlation_id: 'c-1',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      job_id: 'j-1',
      count: 2,
    });
    expect(line!.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    // @ts-expect-error an event that is not on the list does not compile
    expect(() => log.info('thing_guessed')).not.toThrow();
  });

  it('SEC-4.e passes the redactor with fields and error chain', () => {
    const cause = new Error('login with password=tangerine');
    const lines = linesOf(() =>
      log.error(
        'thing_failed',
        { url: 'amqp://u:tangerine@h', api_key: 'tangerine', secret: new Secret('tangerine') },
        new Error('outer', { cause }),
      ),
    );
    expect(JSON.stringify(lines)).not.toContain('tangerine');
    expect(lines[0]!.error).toMatch(/^Error: outer[\s\S]*caused by: Error: login with password=\[redacted\]/);
  });
});

describe('context', () => {
  it('OBS-1.c follows asynchronous work, and never mixes two pieces', async () => {
    const seen = await Promise.all(
      ['a', 'b'].map((correlation_id) =>
        runInContext({ correlation_id, traceparent: null }, async () => {
          await Promise.resolve();
          return currentContext().correlation_id;
        }),
      ),
    );
    expect(seen).toEqual(['a', 'b']);
    expect(currentContext().correlation_id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('OBS-1.c keeps a sane correlation id and replaces any other', () => {
    expect(correlationIdFrom('build/7#a')).toBe('build/7#a');
    for (const bad of [undefined, '', 'a b', 'a\nb', 'ü', 'x'.repeat(129)]) {
      expect(correlationIdFrom(bad)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }
  });

  it('OBS-1.c reads traceparent as W3C has it', () => {
    expect(parseTraceparent(parent)).toEqual({
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      sampled: true,
    });
    expect(parseTraceparent(parent.replace(/^00/, '01') + '-more')?.sampled).toBe(true);
    for (const bad of [null, '', 'x', parent + '-more', parent.replace(/^00/, 'ff'), parent.toUpperCase()]) {
      expect(parseTraceparent(bad)).toBeNull();
    }
    expect(parseTraceparent(`00-${'0'.repeat(32)}-b7ad6b7169203331-01`)).toBeNull();
    expect(continueTraceparent(parent)).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(continueTraceparent(parent)).not.toBe(parent);
    expect(parseTraceparent(continueTraceparent('nonsense'))?.sampled).toBe(false);
  });

  it('OBS-1.c goes on in the same trace where no tracer is at work', async () => {
    const span = startSpan('work', { kind: 'CONSUMER', parent, links: [parent, null, 'nonsense'] });
    expect(span.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/);
    span.end(new Error('failed'));
    const inner = await runInContext({ correlation_id: 'c-9', traceparent: parent }, () =>
      inSpan('send', { kind: 'CLIENT' }, () => Promise.resolve(currentContext())),
    );
    expect(inner.correlation_id).toBe('c-9');
    expect(parseTraceparent(inner.traceparent)?.trace_id).toBe('0af7651916cd43dd8448eb211c80319c');
  });
});

describe('metrics', () => {
  it('OBS-2.f renders counters, histograms and gauges in Prometheus text', async () => {
    counter('assay_spec_claims_total', 'Claims.').add(3, { queue: 'q"1' });
    histogram('assay_spec_wait_seconds', 'Waits.', [0.1, 1]).record(0.5);
    gauge('assay_spec_level', 'Level.').record(7);
    let reads = 0;
    const stop = observableGauge('assay_spec_depth', 'Depth.', () => {
      reads += 1;
      return [{ value: 4, labels: { queue: 'a' } }];
    });
    const text = await renderMetrics();
    expect(text).toContain('# HELP assay_spec_claims_total Claims.');
    expect(text).toContain('assay_spec_claims_total{queue="q\\"1"} 3');
    expect(text).toContain('assay_spec_wait_seconds_bucket{le="0.1"} 0');
    expect(text).toContain('assay_spec_wait_seconds_bucket{le="1"} 1');
    expect(text).toContain('assay_spec_level 7');
    expect(text).toContain('assay_spec_depth{queue="a"} 4');
    stop();
    await renderMetrics();
    expect(reads).toBe(1);
  });
});

describe('startTelemetry', () => {
  it('GEN-6.b counts and logs what the guard refuses and which files are refused', async () => {
    const telemetry = await startTelemetry({
      service: 'spec',
      instance: 'one',
      log_level: 'error',
      traces: 'none',
      otlp_url: null,
      sample_ratio: 1,
    });
    const lines = linesOf(() => {
      notify({ event: 'credential_refused', reason: 'expired', route: 'A.b', key_id: 'k' });
      notify({ event: 'file_refused', path: '/x', what: 'api keys', error: new Error('bad') });
      notify({ event: 'file_reloaded', path: '/x', what: 'api keys' });
    });
    const processes = await renderMetrics();
    await telemetry.stop(100);
    expect(processes).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
    expect(processes).toMatch(/^process_cpu_seconds_total \d/m);
    expect(processes).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
    expect(lines.map(({ event, service }) => [event, service])).toEqual([
      ['credential_refused', 'spec'],
      ['file_refused', 'spec'],
      ['file_reloaded', 'spec'],
    ]);
    const text = await renderMetrics();
    expect(text).toContain('assay_security_refusals_total{reason="expired"} 1');
    expect(text).toContain('assay_file_reloads_total{what="api keys",accepted="false"} 1');
  });

  it('counts and logs what becomes of a vault and its secrets, by reference and reason', async () => {
    const options = { service: 'spec', instance: 'one', log_level: 'error', traces: 'none' } as const;
    const telemetry = await startTelemetry({ ...options, otlp_url: null, sample_ratio: 1 });
    const reference = 'vault:app/ingest#password';
    const lines = linesOf(() => {
      notify({ event: 'vault_login', outcome: 'logged_in' });
      notify({ event: 'secret_reloaded', reference });
      notify({ event: 'secret_refused', reference, error: new Error(`${reference} cannot be read, since it is away`) });
      notify({ event: 'vault_lost', error: new Error('the vault is sealed') });
      notify({ event: 'vault_regained' });
    });
    await telemetry.stop(100);
    expect(lines.map(({ event, reference: of, error }) => [event, of, error])).toEqual([
      ['secret_reloaded', reference, undefined],
      ['secret_refused', reference, expect.stringContaining(`${reference} cannot be read, since it is away`)],
      ['vault_lost', undefined, expect.stringContaining('the vault is sealed')],
      ['vault_regained', undefined, undefined],
    ]);
    const text = await renderMetrics();
    expect(text).toContain('assay_vault_logins_total{outcome="logged_in"} 1');
    expect(text).toContain('assay_vault_changes_total{accepted="true"} 1');
    expect(text).toContain('assay_vault_changes_total{accepted="false"} 1');
  });
});
