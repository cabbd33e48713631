import { isCode, isFilledIn, isProse } from './plain-values.js';
import { endOf, NEAR } from './rule.js';
import type { RedactionRule, Span } from './rule.js';
import { NAME, SHORT_NAME, SUFFIX } from './secret-names.js';
import { isQuoteAt, quotedAt, valueAt } from './value.js';

/** What may stand behind a name that makes it the name of a secret; sticky and bounded. */
interface Form {
  readonly behind: RegExp;
  /** What of it is secret; `sign` is what stands behind the name, up to `at`. */
  readonly read: (text: string, name: Name, sign: RegExpExecArray, at: number) => Span | null;
}

interface Name {
  text: string;
  at: number;
}

const BARE = /[^\s"'`\\,;&(){}[\]<>]*/y;
/** In the environment's form (`DB_PASSWORD=a,b(c`) nothing but white space and quotes ends a value. */
const WORD = /[^\s"'`\\]*/y;

/** `password = …`, `"password": "…"`; the quote around a key is escaped where JSON stands inside JSON. */
const assignment: Form = {
  behind: new RegExp(
    `${SUFFIX}(?:\\\\{0,15}["'\`])?\\]?(?:[ \\t]is(?=:))?[ \\t]{0,10}` +
      // Typed languages: `password: str = "…"`.
      "(?::[ \\t]?&?(?:'?static[ \\t])?(?:str|string|String|bytes)(?:[ \\t]\\|[ \\t]\\w{1,10})?[ \\t]?(?==))?" +
      '(?:={2,3}|=>|:=|=(?![=>~])|:(?![:/])|%3D)',
    'iy',
  ),
  read: (text, name, [sign], at) => {
    const is_environment = /^[A-Z0-9_]+=$/.test(name.text + sign);
    const value = valueAt(text, at, is_environment ? WORD : BARE);
    if (value.to - value.from > NEAR) return value;
    const shown = text.slice(value.from, value.to);
    if (isFilledIn(shown) || isOwnMember(text, name, shown)) return null;
    // `token === '['`: a parser's.
    if (/==$/.test(sign) && /^token$/i.test(name.text)) return null;
    return value.quoted || isSecret(shown, text[value.to] ?? '', sign, isUnexpected(text, name, shown)) ? value : null;
  },
};

/** A value without quotes: what follows an arrow, a comparison, an index or Go's sign is code. */
function isSecret(value: string, after: string, sign: string, is_unexpected: boolean): boolean {
  if (/(?:=>|:=|==)$|\]/.test(sign)) return false;
  const is_colon = sign.endsWith(':');
  return !isCode(value, after, is_colon) && !(is_colon && (is_unexpected || isProse(value)));
}

/** `self.token = token` */
function isOwnMember(text: string, name: Name, value: string): boolean {
  return text[name.at - 1] === '.' && value === name.text;
}

/** `Unexpected token: identifier`, as parsers say it: of a word. */
function isUnexpected(text: string, name: Name, value: string): boolean {
  if (name.text.toLowerCase() !== 'token' || !/^[A-Za-z_]{1,20}[.,]?$/.test(value)) return false;
  return /(?:expected|invalid|illegal|unknown) $/i.test(text.slice(Math.max(0, name.at - 12), name.at));
}

/** `{"name": "DB_PASSWORD", "value": "…"}`, in YAML, JSON and XML; `the token value: 5` is prose. */
const namedValue: Form = {
  behind: new RegExp(
    `${SUFFIX}(?:\\\\{0,15}["'][\\s,]{1,20}|[ \\t\\r]{0,10}(?:[\\n,]|\\\\{1,15}n)\\s{0,20})` +
      '(?:\\\\{0,15}["\'])?value(?:\\\\{0,15}["\'])?\\s{0,10}[:=]',
    'iy',
  ),
  read: (text, _name, _sign, at) => {
    const value = valueAt(text, at, WORD);
    return isFilledIn(beginOf(text, value)) ? null : value;
  },
};

/** `--db-password …` */
const option: Form = {
  behind: /(?<=(?:^|[\s"'`])--?[a-z0-9-]{0,40})[ \t]{1,4}/iy,
  read: (text, _name, _sign, at) => {
    const value = valueAt(text, at, WORD);
    const shown = beginOf(text, value);
    const is_told = !value.quoted && (shown.startsWith('-') || isProse(shown));
    return is_told || isFilledIn(shown) ? null : value;
  },
};

/** SQL: `PASSWORD '…'`; a call: `setPassword("…")`. */
const literal: Form = {
  behind: /(?<=passw(?:or)?d)(?:[ \t]{1,10}|\(\s{0,4})(\\{0,15})(["'])/iy,
  read: (text, _name, [, escapes, quote], at) => quotedAt(text, at, escapes!.length, quote!),
};

/** `"passwords": ["…", "…"]` */
const list: Form = {
  behind: /s?\\{0,15}["']\s{0,4}:\s{0,4}\[(?=\s{0,20}\\{0,15}["'])/iy,
  read: (text, _name, _sign, at) => ({ from: at, to: endOf(/[^\]\r\n]*/y, text, at) }),
};

/** As much of a value as tells what it is. */
function beginOf(text: string, { from, to }: Span): string {
  return text.slice(from, Math.min(to, from + NEAR + 1));
}

/** One way over the text for all forms: names are many, and few of them name a secret. */
function readForms(forms: readonly Form[]): RedactionRule['read'] {
  return (text, match) => {
    const name: Name = { text: match[0], at: match.index };
    for (const { behind, read } of forms) {
      behind.lastIndex = match.index + match[0].length;
      const sign = behind.exec(text);
      if (sign) return read(text, name, sign, behind.lastIndex);
    }
    return null;
  };
}

const named: RedactionRule = {
  name: 'named',
  anchor: new RegExp(NAME, 'gi'),
  read: readForms([list, assignment, namedValue, option, literal]),
};

const SHORT_FORMS = readForms([assignment, namedValue, option]);

const shortNamed: RedactionRule = {
  name: 'short_named',
  anchor: new RegExp(SHORT_NAME, 'g'),
  // `first pass: parse`, `PASS: it works`: prose and reports of tests.
  read: (text, match) => {
    const at = match.index + match[0].length;
    const may_be_prose = /^[ \t]{0,10}:/.test(text.slice(at, at + 11)) && !isQuoteAt(text, text.indexOf(':', at) + 1);
    return may_be_prose && !beginsMember(text, match.index) ? null : SHORT_FORMS(text, match);
  },
};

/** Whether the short name is the end of a longer one, or begins a line of YAML or a member of an object. */
function beginsMember(text: string, at: number): boolean {
  const before = at <= NEAR ? `\n${text.slice(0, at)}` : text.slice(at - NEAR, at);
  return /[A-Za-z0-9_.-]$/.test(before) || (text[at] === 'p' && /(?:[\n{,]|\\n)[ \t-]*$/.test(before));
}

/** Archives of requests: `{"name": "Cookie", "value": "…"}`. */
const namedHeader: RedactionRule = {
  name: 'named_header',
  anchor: /authorization|cookie/gi,
  read: readForms([namedValue]),
};

const identifiedBy: RedactionRule = {
  name: 'identified_by',
  anchor: /identified by[ \t]{1,10}(["'])/gi,
  read: (text, match) => quotedAt(text, match.index + match[0].length, 0, match[1]!),
};

/** `<db:password type="x">…</db:password>`, or cut off; `Promise<Token>` is code. */
const element: RedactionRule = {
  name: 'element',
  anchor: new RegExp(
    `<(?:[\\w.-]{1,40}:)?[\\w.-]{0,40}?(?:${NAME}|(?<![A-Za-z])pass)${SUFFIX}(?:\\s[^<>]{0,200})?(?<!/)>`,
    'gi',
  ),
  read: elementAt,
};

/** `<entry key="db.password">…</entry>`, `<setting name="ApiToken"><value>…</value></setting>` */
const namedElement: RedactionRule = {
  name: 'named_element',
  anchor: new RegExp(
    `(?:name|key|id)=\\\\{0,15}["'][\\w.:-]{0,60}?(?:${NAME}|(?<![A-Za-z])pass)${SUFFIX}\\\\{0,15}["'][^<>]{0,100}(?<!/)>(?:\\s{0,20}<value>)?`,
    'gi',
  ),
  read: elementAt,
};

function elementAt(text: string, match: RegExpExecArray): Span | null {
  const from = match.index + match[0].length;
  const to = endOf(/[^<]*/y, text, from);
  if (text.startsWith('</', to)) return /^\s*$/.test(text.slice(from, to)) ? null : { from, to };
  const end = endOf(/[^\s<]*/y, text, from);
  return end === text.length || /[\r\n"\\]/.test(text[end]!) ? { from, to: end } : null;
}

export const NAMED_RULES = [named, shortNamed, namedHeader, identifiedBy, element, namedElement];
