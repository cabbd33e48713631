import { trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { TelemetryOptions } from './telemetry.js';

/** Records spans from now on, and sends them to the collector. */
export function startTraces(options: TelemetryOptions): TracerProvider {
  const exporter = new OTLPTraceExporter({
    url: options.otlp_url ?? undefined,
    timeoutMillis: options.otlp_timeout_ms ?? 5_000,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': `assay-${options.service}`,
      'service.instance.id': options.instance,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.sample_ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  trace.setGlobalTracerProvider(provider);
  return provider;
}
