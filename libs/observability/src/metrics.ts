import type { Attributes, Observable } from '@opentelemetry/api';
import { metrics as api } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** Of few values each: a label that names a job or a person would be a series per job or person (OBS-2). */
export type Labels = Attributes;

// The exporter's own HTTP server is left out: the text is served at /metrics on the port of the probes.
const reader = new PrometheusExporter({ preventServerStart: true });
const provider = new MeterProvider({ readers: [reader] });
api.setGlobalMeterProvider(provider);
const meter = provider.getMeter('assay');
const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

/** Prometheus' text of every metric of this process. */
export async function renderMetrics(): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  return serializer.serialize(resourceMetrics);
}
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What only rises. Prometheus names: `assay_<part>_<what>_total`. */
export function counter(name: string, help: string): { add(by: number, labels?: Labels): void } {
  return meter.createCounter(name, { description: help });
}

/** `boundaries` are the buckets' upper bounds, in the unit that the name ends with. */
export function histogram(
  name: string,
  help: string,
  boundaries: readonly number[],
): { record(value: number, labels?: Labels): void } {
  return meter.createHistogram(name, {
    description: help,
    advice: { explicitBucketBoundaries: [...boundaries] },
  });
}

/** What is at this moment, set where it changes. */
export function gauge(name: string, help: string): { record(value: number, labels?: Labels): void } {
  return meter.createGauge(name, { description: help });
}

/** One reading of an observed gauge. */
export interface Observation {
  value: number;
  labels?: Labels;
}

/**
 * What is asked for when the metrics are read. `read` must be cheap. A series that was once reported keeps its last
 * value: report 0 where there is nothing left, never leave it out.
 * Returns the function that ends it.
 */
export function observableGauge(
  name: string,
  help: string,
  read: () => Observation[] | Promise<Observation[]>,
): () => void {
  return observed(meter.createObservableGauge(name, { description: help }), read);
}

/** What only rises and is counted elsewhere; asked for when the metrics are read. */
export function observableCounter(
  name: string,
  help: string,
  read: () => Observation[] | Promise<Observation[]>,
): () => void {
  return observed(meter.createObservableCounter(name, { description: help }), read);
}

function observed(instrument: Observable, read: () => Observation[] | Promise<Observation[]>): () => void {
  const observe = async (result: { observe(value: number, labels?: Labels): void }): Promise<void> => {
    for (const { value, labels } of await read()) result.observe(value, labels);
  };
  instrument.addCallback(observe);
  return () => instrument.removeCallback(observe);
}

/** Seconds, from a millisecond to a minute: for anything that crosses a network. */
export const LATENCY_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
