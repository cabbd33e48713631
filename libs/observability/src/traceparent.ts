import { randomFillSync } from 'node:crypto';

/** The parts of a W3C `traceparent` (version 00). */
export interface TraceParent {
  trace_id: string;
  span_id: string;
  sampled: boolean;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Null where the header is absent or breaks the W3C rules (then a new trace begins). Later versions are read as 00. */
export function parseTraceparent(header: string | null | undefined): TraceParent | null {
  const [, version, trace_id, span_id, flags, more] = FORM.exec(header?.trim() ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (/^0+$/.test(trace_id!) || /^0+$/.test(span_id!)) return null;
  return { trace_id: trace_id!, span_id: span_id!, sampled: (parseInt(flags!, 16) & 1) === 1 };
}

export function formatTraceparent({ trace_id, span_id, sampled }: TraceParent): string {
  return `00-${trace_id}-${span_id}-${sampled ? '01' : '00'}`;
}

/** A trace of its own, not sampled: sampling is the tracer's to decide. */
export function newTraceparent(): string {
  return formatTraceparent({ trace_id: randomHex(16), span_id: randomHex(8), sampled: false });
}

/** The same trace under a new span id, where no tracer is at work; a new trace where there is none. */
export function continueTraceparent(parent: string | null | undefined): string {
  const parsed = parseTraceparent(parent);
  return parsed ? formatTraceparent({ ...parsed, span_id: randomHex(8) }) : newTraceparent();
}

const pool = Buffer.alloc(4_096);
let used = pool.length;

/** From a pool: a call of the generator per id took 4 % of a request's time. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
