/**
 * Everything in a message but its fixed words comes from outside. Control characters would forge lines of a text or
 * commands of a terminal, and marks that change the direction of writing would show one path as another.
 */
const UNSAFE_IN_TEXT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;
const REPLACEMENT = '\ufffd';

/** Text that may have several lines. */
export function paragraph(value: string): string {
  return value.replace(/\r\n?/g, '\n').replace(UNSAFE_IN_TEXT, REPLACEMENT);
}

/** Text that must stay on one line: a title, a path, a subject. */
export function oneLine(value: string): string {
  return paragraph(value).replace(/[\n\t]+/g, ' ');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Safe as HTML text and inside quoted attributes. */
export function html(value: string): string {
  return paragraph(value).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
