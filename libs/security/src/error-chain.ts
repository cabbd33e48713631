import { redact } from './redact.js';

const DEFAULT_MAX_BYTES = 8 * 1024;
const CUT = '\n… cut';
/** Causes may form a ring. */
const MAX_LINKS = 16;

/**
 * An error with its causes as redacted text, outermost first (DLQ-3's `last_stack`). Redacted before it is cut, so
 * that the cut cannot hide the half of a secret from the redactor.
 */
export function errorChain(error: unknown, max_bytes = DEFAULT_MAX_BYTES): string {
  const links: string[] = [];
  collect(error, '', links);
  return cutTo(redact(links.join('\n')), max_bytes);
}

function collect(error: unknown, label: string, links: string[]): void {
  if (links.length >= MAX_LINKS) return;
  links.push(`${label}${describe(error)}`);
  if (!(error instanceof Error)) return;
  if (error instanceof AggregateError) for (const one of error.errors) collect(one, 'one of: ', links);
  if (error.cause !== undefined) collect(error.cause, 'caused by: ', links);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : String(JSON.stringify(error));
  const { code } = error as { code?: unknown };
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return typeof code === 'string' ? `[${code}] ${stack}` : stack;
}

/** At most `max_bytes` of UTF-8, never half a character. */
function cutTo(text: string, max_bytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max_bytes) return text;
  let end = max_bytes - Buffer.byteLength(CUT);
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, Math.max(end, 0)).toString('utf8') + CUT;
}
