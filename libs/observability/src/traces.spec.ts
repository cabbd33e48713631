import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inSpan, startSpan } from './spans.js';
import { startTelemetry } from './telemetry.js';
import { newTraceparent, parseTraceparent } from './traceparent.js';

interface ExportedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  links?: { traceId: string }[];
  status: { code?: number; message?: string };
  attributes: { key: string; value: { stringValue?: string } }[];
}
interface Exported {
  resourceSpans: { resource: { attributes: ExportedSpan['attributes'] }; scopeSpans: { spans: ExportedSpan[] }[] }[];
}

const bodies: Exported[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Exported);
    response.end('{}');
  });
});

const options = { service: 'spec', instance: 'one', log_level: 'error' as const, traces: 'otlp' as const };

beforeAll(async () => {
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
});
afterAll(() => {
  collector.close();
  collector.closeAllConnections();
});

describe('traces', () => {
  it('OBS-1.c, SEC-4.f continue a sampled trace, link a batch and reach the collector, without secrets', async () => {
    const { port } = collector.address() as AddressInfo;
    const otlp_url = `http://127.0.0.1:${port}/v1/traces`;
    const telemetry = await startTelemetry({ ...options, otlp_url, sample_ratio: 0 });
    const parent = newTraceparent().replace(/00$/, '01');
    const link = newTraceparent();
    const failure = new Failure({
      ...{ error_class: 'DEPENDENCY_TIMEOUT', code: 'late', retryable: true },
      message: 'password=tangerine',
    });
    const failed = inSpan(
      'send',
      { kind: 'CLIENT', parent, links: [link], attributes: { 'assay.channel': 'email', url: 'https://u:tangerine@h' } },
      (span) => {
        span.set({ 'assay.note': 'token=tangerine' });
        return Promise.reject(failure);
      },
    );
    await expect(failed).rejects.toBe(failure);
    // Ratio 0: a trace that begins here is not recorded, though its ids travel.
    const unsampled = startSpan('other', { kind: 'SERVER', parent: null });
    unsampled.end();
    expect(parseTraceparent(unsampled.traceparent)).toMatchObject({ sampled: false });
    await telemetry.stop(2_000);

    const spans = bodies.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)),
    );
    expect(spans).toHaveLength(1);
    const { trace_id, span_id } = parseTraceparent(parent)!;
    expect(spans[0]).toMatchObject({
      ...{ name: 'send', kind: 3, traceId: trace_id, parentSpanId: span_id },
      ...{ links: [{ traceId: parseTraceparent(link)!.trace_id }], status: { code: 2, message: 'late' } },
    });
    expect(JSON.stringify(bodies)).toContain('assay-spec');
    const attributes = Object.fromEntries(spans[0]!.attributes.map(({ key, value }) => [key, value.stringValue]));
    expect(attributes).toMatchObject({ 'assay.channel': 'email', 'assay.note': 'token=[redacted]' });
    expect(JSON.stringify(bodies)).not.toContain('tangerine');
  });

  it('OPS-1.b do not hold up a shutdown when the collector is away', async () => {
    const telemetry = await startTelemetry({
      ...options,
      otlp_url: 'http://127.0.0.1:9/v1/traces',
      otlp_timeout_ms: 300,
      sample_ratio: 1,
    });
    startSpan('lost', { kind: 'INTERNAL', parent: null }).end();
    const begun = performance.now();
    await telemetry.stop(100);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
