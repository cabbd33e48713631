/** PEM blocks (keys, certificates), also where only their head or only their tail was left by a cut. */
const MARK = /-----(BEGIN|END) [A-Z0-9 ]{1,40}-----/g;

/** What stands between a block's marks; `\n` written as two characters stands in JSON. */
const BODY_CODE = new Set([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\ \r\n\t']);

/**
 * One pass over the marks: a `BEGIN` takes all up to its `END`, or to the end of the text; an `END` without a `BEGIN`
 * takes the base64 before it. A pattern for the latter tries every start of a long word: 90 s for 200 KB.
 */
export function redactPem(text: string, shown: string): string {
  if (!text.includes('-----')) return text;
  let clean = '';
  let from = 0;
  let begun = -1;
  for (const mark of text.matchAll(MARK)) {
    const end = mark.index + mark[0].length;
    if (mark[1] === 'BEGIN') {
      if (begun < 0) begun = mark.index;
      continue;
    }
    const start = begun >= 0 ? begun : startOfTail(text, from, mark.index);
    clean += text.slice(from, start) + shown;
    from = end;
    begun = -1;
  }
  return begun >= 0 ? clean + text.slice(from, begun) + shown : clean + text.slice(from);
}

function startOfTail(text: string, least: number, before: number): number {
  let start = before;
  while (start > least && BODY_CODE.has(text[start - 1]!)) start -= 1;
  // White space before the tail belongs to the text.
  while (start < before && /\s/.test(text[start]!)) start += 1;
  return start;
}
