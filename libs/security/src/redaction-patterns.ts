/**
 * What is secret by its form (SEC-4). Each pattern is linear: no nested quantifiers, bounded where two could meet.
 * A pattern also covers its cut-off form, since stacks and bodies are cut at byte limits.
 */
export interface RedactionPattern {
  readonly name: string;
  readonly pattern: RegExp;
  /** What stands in place of the match. */
  readonly replacement: string | ((match: string, ...groups: string[]) => string);
}

export const SHOWN = '[redacted]';

/** Names under which secrets travel, as the last words of an identifier: `db_password`, `x-api-key`, `clientSecret`. */
const NAMES =
  'passw(?:or)?d|passphrase|pwd|secret|secret[_-]?key|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|' +
  'signing[_-]?key|encryption[_-]?key|client[_-]?secret|authorization|credentials?|set-cookie|cookie|session[_-]?id';
/** A name is also found with something before it (`pgPassword`, `DB_PASSWORD`), and inside quotes. */
const NAMED = `(?<![A-Za-z0-9])[A-Za-z0-9_.-]{0,60}?(?:${NAMES})["']?`;

export const PATTERNS: readonly RedactionPattern[] = [
  {
    name: 'pem_block',
    pattern: /-----BEGIN [A-Z0-9 ]{1,40}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,40}-----|$)/g,
    replacement: SHOWN,
  },
  {
    // The end of a block whose beginning was cut away.
    name: 'pem_tail',
    pattern: /(?:[A-Za-z0-9+/=]{20,}(?:\\n|\s)+)*[A-Za-z0-9+/=]*(?:\\n|\s)*-----END [A-Z0-9 ]{1,40}-----/g,
    replacement: SHOWN,
  },
  {
    // scheme://user:password@host, the password cut off or not. A password may hold any but white space and a slash.
    name: 'connection_uri',
    pattern: /\b([a-z][a-z0-9+.-]{1,30}:\/\/)([^\s:/@'"]{0,100}):([^\s/'"]{1,300}?)(@|(?=["'\s]|$))/gi,
    replacement: (match, scheme, user, password, end) =>
      // host:port without credentials has the same form up to the missing "@"
      end === '@' || !/^\d{1,5}$/.test(password!) ? `${scheme}${user}:${SHOWN}${end}` : match,
  },
  {
    name: 'bearer',
    pattern: /\b(Bearer|Basic|Digest|Negotiate)(\s+)[A-Za-z0-9._~+/=-]{8,}/gi,
    replacement: (_match, scheme, space) => `${scheme}${space}${SHOWN}`,
  },
  {
    name: 'known_token',
    pattern: new RegExp(
      [
        '\\bassay_[A-Za-z0-9_-]{4,}',
        '\\bgh[opusr]_[A-Za-z0-9]{4,}',
        '\\bgithub_pat_[A-Za-z0-9_]{4,}',
        '\\bglpat-[A-Za-z0-9_-]{4,}',
        '\\bsk-(?:ant-|proj-|live-)?[A-Za-z0-9_-]{12,}',
        '\\b[sr]k_(?:live|test)_[A-Za-z0-9]{4,}',
        '\\bwhsec_[A-Za-z0-9+/=]{4,}',
        '\\bxox[abeoprs]-[A-Za-z0-9-]{4,}',
        '\\bxapp-[A-Za-z0-9-]{4,}',
        '\\bhooks\\.slack\\.com/services/[A-Za-z0-9/]{4,}',
        '\\b(?:AKIA|ASIA)[A-Z0-9]{8,}',
        '\\bAIza[A-Za-z0-9_-]{12,}',
        '\\bya29\\.[A-Za-z0-9_-]{8,}',
        '\\bSG\\.[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*)?',
        '\\bnpm_[A-Za-z0-9]{12,}',
        '\\bpypi-[A-Za-z0-9_-]{12,}',
        '\\bhv[sb]\\.[A-Za-z0-9_-]{8,}',
        '\\bdop_v1_[a-f0-9]{8,}',
        // JSON Web Tokens, whole or cut off after any part
        '\\beyJ[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*){0,2}',
      ].join('|'),
      'g',
    ),
    replacement: SHOWN,
  },
  {
    name: 'quoted_assignment',
    pattern: new RegExp(
      `(${NAMED}\\s{0,10}(?:=>|:=|[:=])\\s{0,10})(\\\\?["'\`])((?:(?!\\2)[^\\\\]|\\\\.){1,4000})(\\2|$)`,
      'gi',
    ),
    replacement: (_match, name, quote, _value, end) => `${name}${quote}${SHOWN}${end}`,
  },
  {
    // password=x, PASSWORD: x; a value in code that is itself an expression (`token = next();`) stays.
    name: 'bare_assignment',
    pattern: new RegExp(
      `(${NAMED}(?:=|:[ \\t]{0,4}|[ \\t]=[ \\t]))([^\\s"'\`,;&(){}\\[\\]<>]{1,4000})(?![\\w.]*[(\\[])`,
      'gi',
    ),
    replacement: (match, name, value) => (isCodeWord(value!) ? match : `${name}${SHOWN}`),
  },
];

export const EMAIL = /\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}\b/g;

/** Types, literals and references that follow a colon or an equals sign in ordinary code. */
const CODE_WORD =
  /^(?:string|number|boolean|unknown|null|undefined|true|false|void|never|any|Secret\w*|Buffer|this\.[\w.]+|[a-z]\w*\.[\w.]+|process\.env\.\w+|\[redacted\]|env:\w+|file:\S+|required|missing|invalid|expired|\d{1,6})[?|!]?$/;

function isCodeWord(value: string): boolean {
  return CODE_WORD.test(value);
}
