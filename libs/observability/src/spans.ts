import { isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Link, Span, SpanContext } from '@opentelemetry/api';
import { Failure } from '@assay/contracts';
import { redactValue } from '@assay/security';
import { contextIfAny, currentContext, runInContext } from './context.js';
import { continueTraceparent, formatTraceparent, parseTraceparent } from './traceparent.js';

export type SpanKindName = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';

export interface SpanSettings {
  kind: SpanKindName;
  /** Default: the context's. `null`: a trace of its own. */
  parent?: string | null;
  /** A batch has many causes and no one parent: they are linked. */
  links?: readonly (string | null)[];
  attributes?: Attributes;
}

export interface ActiveSpan {
  /** What travels on: the parent of what this work causes. */
  readonly traceparent: string;
  set(attributes: Attributes): void;
  end(failure?: unknown): void;
}

/** More links than this say nothing more and cost memory in every exporter. */
const MAX_LINKS = 128;

/** Begins a span by hand; `end` it. Without a tracer the trace still goes on, under a new span id. */
export function startSpan(name: string, settings: SpanSettings): ActiveSpan {
  const parent = settings.parent === undefined ? (contextIfAny()?.traceparent ?? null) : settings.parent;
  const remote = spanContextOf(parent);
  const span = trace
    .getTracer('assay')
    .startSpan(
      name,
      { kind: SpanKind[settings.kind], links: linksOf(settings.links) },
      remote ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT,
    );
  const running = new RunningSpan(span, parent);
  if (settings.attributes) running.set(settings.attributes);
  return running;
}

/** Runs `work` inside a span and its context; a rejection marks the span as failed. */
export async function inSpan<T>(
  name: string,
  settings: SpanSettings,
  work: (span: ActiveSpan) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, settings);
  const { correlation_id } = currentContext();
  try {
    const result = await runInContext({ correlation_id, traceparent: span.traceparent }, () => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

class RunningSpan implements ActiveSpan {
  readonly traceparent: string;

  constructor(
    private readonly span: Span,
    parent: string | null,
  ) {
    const own = span.spanContext();
    const traced = isSpanContextValid(own) && own.spanId !== parseTraceparent(parent)?.span_id;
    this.traceparent = traced
      ? formatTraceparent({ trace_id: own.traceId, span_id: own.spanId, sampled: (own.traceFlags & 1) === 1 })
      : continueTraceparent(parent);
  }

  /** Redacted (SEC-4), which only a span that is recorded costs. */
  set(attributes: Attributes): void {
    if (this.span.isRecording()) this.span.setAttributes(redactValue(attributes));
  }

  end(failure?: unknown): void {
    if (failure !== undefined && this.span.isRecording()) {
      const { error_class, code } = Failure.from(failure);
      // The class and code, never the message: spans leave the house (SEC-4).
      this.span.setAttributes({ 'assay.error_class': error_class, 'assay.error_code': code });
      this.span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    }
    this.span.end();
  }
}

function spanContextOf(traceparent: string | null): SpanContext | null {
  const parsed = parseTraceparent(traceparent);
  return (
    parsed && {
      traceId: parsed.trace_id,
      spanId: parsed.span_id,
      traceFlags: parsed.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
    }
  );
}

function linksOf(links: readonly (string | null)[] = []): Link[] {
  const found: Link[] = [];
  for (const link of links.slice(0, MAX_LINKS)) {
    const context = spanContextOf(link);
    if (context) found.push({ context });
  }
  return found;
}
