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

/** Names under which secrets travel, or how they end: `db_password`, `x-api-key`, `clientSecret`. */
const NAME =
  '(?:passw(?:or)?d|passphrase|pwd|secret(?:[_-]?key)?|token|(?:api|access|private|signing|encryption)[_-]?key|' +
  'access[_-]?key[_-]?id|credentials?|session[_-]?id)';
/** After a name, where JSON stands inside JSON, quotes are escaped any number of times. */
const END_OF_NAME = '(?:\\\\*["\'`])?\\s{0,10}';

export const PATTERNS: readonly RedactionPattern[] = [
  {
    // scheme://user:password@host, the password cut off or not. A password may hold any but white space and a slash.
    name: 'connection_uri',
    pattern: /\b([a-z][a-z0-9+.-]{1,30}:\/\/)([^\s:/@'"]{0,100}):([^\s/'"]{1,300}?)(@|(?=["'\s]|$))/gi,
    replacement: (match, scheme, user, password, end) =>
      // host:port without credentials has the same form up to the missing "@"
      end === '@' || !/^\d{1,5}$/.test(password!) ? `${scheme}${user}:${SHOWN}${end}` : match,
  },
  {
    name: 'authorization_header',
    pattern:
      /(authorization(?:\\*["'`])?\s{0,10}[:=]\s{0,10}(?:\\*["'`])?(?:[A-Za-z]{1,20} +)?)([^\s"'`\\,;]{1,4000})/gi,
    replacement: `$1${SHOWN}`,
  },
  {
    name: 'cookie_header',
    pattern: /(cookie(?:\\*["'`])?\s{0,10}:\s{0,10}(?:\\*["'`])?)([^\r\n"'`\\]{1,4000})/gi,
    replacement: `$1${SHOWN}`,
  },
  {
    // `Basic research` and `bearer tokens` are prose: a credential has digits, signs or capitals inside.
    name: 'scheme_and_credential',
    pattern: /\b(Bearer|Basic|Digest|Negotiate)(\s{1,10})([A-Za-z0-9._~+/=-]{8,4000})/gi,
    replacement: (match, scheme, space, credential) =>
      /[0-9_~+/=]|[a-z][A-Z]|\w-\w/.test(credential!) ? `${scheme}${space}${SHOWN}` : match,
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
    // name: "value", whatever the depth of escaping; up to the same quote, or the line's end where it was cut off.
    name: 'quoted_assignment',
    pattern: new RegExp(
      `(${NAME}${END_OF_NAME}(?:=>|:=|[:=])\\s{0,10})(\\\\*)(["'\`])((?:(?!(?<!\\\\)\\2\\3)[^\\n]){1,4000})`,
      'gi',
    ),
    replacement: (_match, name, escapes, quote) => `${name}${escapes}${quote}${SHOWN}`,
  },
  {
    // password=x, PASSWORD: x; a value in code that is itself an expression (`token = next();`) stays.
    name: 'bare_assignment',
    pattern: new RegExp(
      `(${NAME}(?:=|:[ \\t]{0,4}|[ \\t]=[ \\t]))([^\\s"'\`\\\\,;&(){}\\[\\]<>]{1,4000})(?![\\w.]*[(\\[])`,
      'gi',
    ),
    replacement: (match, name, value) => (isCodeWord(value!) ? match : `${name}${SHOWN}`),
  },
];

export const EMAIL = /\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}\b/g;

/** Types, literals and references that follow a colon or an equals sign in ordinary code. */
const CODE_WORD =
  /^(?:string|number|boolean|unknown|null|undefined|true|false|void|never|any|Secret\w*|Buffer|(?:this|options|config|settings|request|process\.env)\.[\w.]+|\[redacted\]|env:\w+|file:\S+|required|missing|invalid|expired|\d{1,6})[?|!]?$/;

function isCodeWord(value: string): boolean {
  return CODE_WORD.test(value);
}
