export { contextIfAny, correlationIdFrom, currentContext, newContext, runInContext } from './context.js';
export type { WorkContext } from './context.js';
export { addLogSink, configureLog, createLog, LOG_LEVELS } from './log.js';
export type { Log, LogFields, LogLevel, LogLine } from './log.js';
export {
  counter,
  gauge,
  histogram,
  LATENCY_SECONDS,
  METRICS_CONTENT_TYPE,
  observableCounter,
  observableGauge,
  renderMetrics,
} from './metrics.js';
export type { Labels, Observation } from './metrics.js';
export { inSpan, startSpan } from './spans.js';
export type { ActiveSpan, SpanKindName, SpanSettings } from './spans.js';
export { startTelemetry } from './telemetry.js';
export type { Telemetry, TelemetryOptions } from './telemetry.js';
export { continueTraceparent, formatTraceparent, newTraceparent, parseTraceparent } from './traceparent.js';
export type { TraceParent } from './traceparent.js';
