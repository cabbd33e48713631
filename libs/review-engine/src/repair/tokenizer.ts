import { isBlank, shownAt, type Edit, type Fault, type RepairCode, type Span, type SubReason } from './words.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const FINDINGS = '"findings"';
/** Of a string, what needs no look; RegExp finds its end five times as fast as a loop over characters. */
const PLAIN = /[^"\\\0-\x1f]*/y;
const NUMBER_RUN = /[-+.0-9eE]+/y;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const WORD_RUN = /[a-z]+/y;
const WORD = /^(?:true|false|null)$/;

type Awaited = 'value' | 'value_or_end' | 'name' | 'name_or_end' | 'colon' | 'comma_or_end' | 'nothing';

/** What was read of the top level's `findings` list. */
export interface ListRead {
  /** Behind its opening bracket. */
  start: number;
  /** Behind the closing brace of the last finding that was read whole; `start` when there is none. */
  last: number;
  whole: boolean;
}

/**
 * Reads JSON text (RFC 8259) token by token, without recursion, in time linear in the text, and builds no value:
 * `JSON.parse` does that. Where a text leaves the grammar in a way that VAL-16 knows, it notes an edit and goes on; at
 * any other place it stops with a fault (VAL-17). Stops behind the first value.
 */
export class Tokenizer {
  readonly edits: Edit[] = [];
  fault: Fault | null = null;
  at: number;
  /** Top-level members that were read whole, by their names as written, quotes included; of the same name the last. */
  readonly members = new Map<string, Span>();
  findings: ListRead | null = null;
  /** Behind the last top-level member that was read whole. */
  last_member = 0;
  private readonly open: number[] = [];
  private name = '';
  private member = 0;
  private awaited: Awaited = 'value';

  /** @param tolerant whether edits may be made; without, the first place that would need one is the fault. */
  constructor(
    readonly text: string,
    start: number,
    readonly end: number,
    private readonly tolerant: boolean,
  ) {
    this.at = start;
  }

  /** Containers that were open where reading stopped. */
  get depth(): number {
    return this.open.length;
  }

  run(): this {
    while (this.fault === null && this.awaited !== 'nothing') {
      this.skipWhiteSpace();
      if (this.at >= this.end) this.stop(this.awaitedText(), this.open.length === 0 ? 'empty' : 'truncated');
      else this.step(this.text.charCodeAt(this.at));
    }
    return this;
  }

  skipWhiteSpace(): void {
    while (this.at < this.end) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private step(code: number): void {
    switch (this.awaited) {
      case 'value':
      case 'value_or_end':
        if (code === LIST_END && this.awaited === 'value_or_end') this.close();
        else this.readValue(code);
        return;
      case 'name':
      case 'name_or_end':
        if (code === OBJECT_END && this.awaited === 'name_or_end') this.close();
        else if (code === QUOTE) this.readName();
        else this.stop(this.awaitedText());
        return;
      case 'colon':
        if (code === COLON) this.expect('value', 1);
        else this.stop(this.awaitedText());
        return;
      default:
        if (code === COMMA) this.readComma();
        else if (code === this.closer()) this.close();
        else this.stop(this.awaitedText());
    }
  }

  private expect(awaited: Awaited, length: number): void {
    this.at += length;
    this.awaited = awaited;
  }

  private closer(): number {
    return this.open.at(-1) === OBJECT ? OBJECT_END : LIST_END;
  }

  private readValue(code: number): void {
    const start = this.at;
    if (this.open.length === 1) this.member = start;
    if (code === OBJECT || code === LIST) {
      this.open.push(code);
      this.expect(code === OBJECT ? 'name_or_end' : 'value_or_end', 1);
      if (code === LIST && this.open.length === 2 && this.name === FINDINGS) {
        this.findings = { start: this.at, last: this.at, whole: false };
      }
    } else if (code === QUOTE) {
      if (this.readString()) this.endValue();
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      this.readRun(NUMBER_RUN, NUMBER, 'a number as JSON writes it');
    } else if (code >= 0x61 && code <= 0x7a) {
      this.readRun(WORD_RUN, WORD, 'a value: of words JSON knows true, false and null');
    } else {
      this.stop(this.awaitedText());
    }
  }

  /** A number or a word. One that ends with the text may have been cut off in it. */
  private readRun(run: RegExp, whole: RegExp, expected: string): void {
    const start = this.at;
    const end = Math.min(endOf(run, this.text, start), this.end);
    const cut = end === this.end && this.open.length > 0;
    if (cut || whole.test(this.text.slice(start, end))) {
      this.at = end;
      if (cut) this.stop('the rest of the value', 'truncated');
      else this.endValue();
    } else {
      this.stop(expected);
    }
  }

  private readName(): void {
    const start = this.at;
    if (!this.readString()) return;
    if (this.open.length === 1) this.name = this.text.slice(start, this.at);
    this.awaited = 'colon';
  }

  /** From its opening quote to behind its closing one; false when it has none. */
  private readString(): boolean {
    const { text, end } = this;
    const start = this.at;
    for (let at = endOf(PLAIN, text, start + 1); at < end; at = endOf(PLAIN, text, at + 1)) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.at = at + 1;
        return true;
      }
      if (code === BACKSLASH) at = this.readEscape(at);
      else if (code < 0x20)
        this.mend('control_character_escaped', at, 1, ESCAPES[code]!, 'this character as an escape');
      if (this.fault !== null) return false;
    }
    this.stopInString(start);
    return false;
  }

  /** @returns the index of its last character that needs no further look. */
  private readEscape(at: number): number {
    const { text, end } = this;
    const next = text.charCodeAt(at + 1);
    if (at + 1 >= end) return at;
    if (next === 0x75) {
      const digits = /^[0-9a-fA-F]*/.exec(text.slice(at + 2, Math.min(at + 6, end)))![0].length;
      if (digits === 4 || at + 2 + digits === end) return at + 1 + digits;
      this.at = at;
      this.stop('four hexadecimal digits after \\u, or \\\\ for a backslash itself');
      return at;
    }
    if (!'"\\/bfnrt'.includes(text.charAt(at + 1))) {
      this.mend('invalid_escape_escaped', at, 0, '\\', '\\\\ for a backslash itself');
      return at;
    }
    return at + 1;
  }

  /** A comma before a closing bracket is one too many. */
  private readComma(): void {
    const comma = this.at;
    this.at++;
    this.skipWhiteSpace();
    if (this.at < this.end && this.text.charCodeAt(this.at) === this.closer()) {
      this.mend('trailing_comma_removed', comma, 1, '', 'no comma before the closing bracket');
      if (this.fault === null) this.close();
      return;
    }
    this.awaited = this.open.at(-1) === OBJECT ? 'name' : 'value';
  }

  private close(): void {
    this.at++;
    const kind = this.open.pop();
    if (this.findings?.whole === false) {
      if (this.open.length === 1) this.findings.whole = true;
      else if (this.open.length === 2 && kind === OBJECT) this.findings.last = this.at;
    }
    this.endValue();
  }

  private endValue(): void {
    if (this.open.length === 1 && this.open[0] === OBJECT) {
      this.members.set(this.name, { start: this.member, end: this.at });
      this.last_member = this.at;
    }
    this.awaited = this.open.length === 0 ? 'nothing' : 'comma_or_end';
  }

  private mend(code: RepairCode, at: number, removed: number, inserted: string, expected: string): void {
    if (this.tolerant) {
      this.edits.push({ code, at, removed, inserted });
    } else {
      this.at = at;
      this.stop(expected);
    }
  }

  private stop(expected: string, sub_reason: SubReason = this.guess()): void {
    const found = shownAt(this.text, this.at, this.end);
    this.fault = { at: this.at, sub_reason, found, expected };
  }

  /** Single quotes are a writer's habit only where a string may begin; elsewhere they are an odd character. */
  private guess(): SubReason {
    const mayBegin = ['value', 'value_or_end', 'name', 'name_or_end'].includes(this.awaited);
    return mayBegin && this.open.length > 0 && this.text.charAt(this.at) === "'" ? 'single_quotes' : 'other';
  }

  /** Cut off, or a quote forgotten: then every closing bracket that is still needed stands at the end of the string. */
  private stopInString(start: number): void {
    const closers = this.open
      .map((kind) => (kind === OBJECT ? '}' : ']'))
      .reverse()
      .join('');
    const tail = this.text.slice(Math.max(start, this.end - 16 * closers.length - 256), this.end).replace(/\s+/g, '');
    const forgotten = closers !== '' && tail.endsWith(closers);
    this.at = forgotten ? start : this.end;
    if (forgotten)
      this.stop('a string that ends: its closing quote is missing, or the answer was cut off in it', 'other');
    else this.stop('the rest of a string and its closing quote', 'truncated');
  }

  private awaitedText(): string {
    const stray = this.at < this.end && this.text.charCodeAt(this.at) > 0x20 && isBlank(this.text.charAt(this.at));
    const hint = stray ? ', without white space that JSON does not know' : '';
    return `${this.awaitedToken()}${hint}`;
  }

  private awaitedToken(): string {
    const end = this.open.at(-1) === OBJECT ? '}' : ']';
    switch (this.awaited) {
      case 'value':
        return this.open.length === 0 ? 'a JSON object' : 'a value';
      case 'value_or_end':
        return 'a value or ]';
      case 'name':
        return 'a name in double quotes';
      case 'name_or_end':
        return 'a name in double quotes or }';
      case 'colon':
        return 'a colon behind the name';
      default:
        return `a comma or ${end}`;
    }
  }
}

/** U+0000 to U+001F as JSON writes them: an answer may hold a million. */
const ESCAPES: readonly string[] = Array.from({ length: 0x20 }, (_, code) =>
  JSON.stringify(String.fromCharCode(code)).slice(1, -1),
);

/** Where a run that begins at a place ends. */
function endOf(run: RegExp, text: string, start: number): number {
  run.lastIndex = start;
  run.test(text);
  return run.lastIndex;
}
