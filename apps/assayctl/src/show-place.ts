// eslint-disable-next-line walls/in-through-index -- as in inputs.ts: the library's index loads NestJS
import { redact } from '../../../libs/security/src/redact.js';
import { printable } from './terminal.js';

const BEFORE = 48;
const BEHIND = 24;

/**
 * The line at fault with a caret under the character (VAL-17), both as two lines of text.
 *
 * @returns null when the line holds what the redactor takes for a secret: redacted, the caret would point elsewhere. The
 * whole line is asked, because an excerpt may begin within a secret.
 */
export function showPlace(raw: string, { line, column }: { line: number; column: number }): string | null {
  const text = raw.split(/\r\n|\n|\r/)[line - 1] ?? '';
  if (redact(text, { emails: false }) !== text) return null;
  const characters = [...text];
  const at = column - 1;
  const start = Math.max(0, at - BEFORE);
  const before = `${start > 0 ? '…' : ''}${printable(characters.slice(start, at).join(''))}`;
  const behind = `${printable(characters.slice(at, at + BEHIND).join(''))}${characters.length > at + BEHIND ? '…' : ''}`;
  return `${before}${behind}\n${' '.repeat([...before].length)}^`;
}
