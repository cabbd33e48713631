/** What of a text is secret: [from, to). */
export interface Span {
  from: number;
  to: number;
}

/**
 * One form of secrets (SEC-4). Linear in the text whatever stands there, by two duties: an anchor is bounded in
 * everything that it repeats, and `read` goes through no more than it takes, or `NEAR` characters, or what lies before
 * the next anchor. A pattern that matches a whole secret cannot promise that: where what follows must fit, too, it
 * tries each shorter value, and each start within (14 ms for 8 KB of `token=aaa…(`).
 */
export interface RedactionRule {
  readonly name: string;
  /** Where such a secret may begin; global. */
  readonly anchor: RegExp;
  /** Null where it is none. */
  readonly read: (text: string, anchor: RegExpExecArray) => Span | null;
}

/** How much of a value is looked at before it is left as it is; what is longer is no word of code. */
export const NEAR = 64;

export function applyRule({ anchor, read }: RedactionRule, text: string, shown: string): string {
  let clean = '';
  let done = 0;
  anchor.lastIndex = 0;
  for (let match = anchor.exec(text); match !== null; match = anchor.exec(text)) {
    const span = read(text, match);
    if (span === null || span.from >= span.to) continue;
    clean += text.slice(done, Math.max(done, span.from)) + shown;
    done = span.to;
    // What was found before the anchor does not lead back to it.
    anchor.lastIndex = Math.max(done, anchor.lastIndex);
  }
  return done === 0 ? text : clean + text.slice(done);
}

/** Where a run ends that begins at `at`; `run` is sticky and matches the empty text. */
export function endOf(run: RegExp, text: string, at: number): number {
  run.lastIndex = at;
  return run.test(text) ? run.lastIndex : at;
}
