import { NEAR } from './rule.js';

/** Types, literals and references that follow a colon or an equals sign in ordinary code. */
const CODE_WORD =
  /^(?:str|string|number|boolean|bytes|int|unknown|null|nil|None|undefined|true|false|True|False|void|never|any|Secret\w*|Buffer|env:\w+|file:\S+|vault:\S+|![a-z]+)[?|!]?$/;
const REFERENCE =
  /^(?:this|self|options|opts|config|settings|request|req|ctx|env|args|params|props|state|process\.env|os\.environ|secrets|vars|var|local|module)\.[\w.]+$/;
/** `CancellationToken`, `PasswordInput`: a type. */
const TYPE = /^(?:[A-Z][a-z]+){2,}$|^(?:Password|Secret|Token|Credentials?)$/;
const IDENTIFIER = /^[A-Za-z_$][\w.$]*$/;
/** `***`, `xxxx`, `...`; `$NAME`, `%NAME%`, and `$` before a brace. */
const PLACEHOLDER = /^(?:([*x.…•_-])\1*|\$[A-Z_]*|%[A-Z_]+%|\[redacted\])$/i;
const FILLED_IN =
  /^(?:\$\{[^{}]*\}|\{\{[^{}]*\}\}|<[^<>]*>|\$[A-Z_]+|\$\(.*|%[A-Z_]+%|\[redacted\]|include|omit|same-origin|env:\w+|file:\S+|vault:\S+)$/;

/** Where a secret lies is none: `GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/gcp.json`. */
const PATH = /^(?:\/(?:run|etc|var|home|opt|tmp|usr|mnt|secrets|vault|srv|root|Users)|\.{1,2}|~)\/[\w./-]+$/;

/** What tells in prose of a secret, and is none. */
const PROSE = new Set(
  (
    'a an the is are was be not no must should may can cannot could will would has have use uses used for from in on at ' +
    'to of or and with without by see click enter please missing required invalid expired expires wrong empty unset none ' +
    'optional unknown unexpected incorrect rejected refused revoked denied failed absent hidden if when that this it its ' +
    'minimum maximum min max length policy your my our their never always only do does option options flag argument parameter instead here'
  ).split(' '),
);

export function isProse(value: string): boolean {
  return value.length <= NEAR && PROSE.has(value.toLowerCase().replace(/[.!?:]+$/, ''));
}

/** Whether what stands in quotes only says where the value comes from: `"${DB_PASSWORD}"`, `'env:KEY'`. */
export function isFilledIn(value: string): boolean {
  return value.length <= NEAR && (FILLED_IN.test(value) || PLACEHOLDER.test(value) || PATH.test(value));
}

/** Whether a value without quotes is code: a type, a literal, a reference, a call, a small number. */
export function isCode(value: string, after: string, is_type_place: boolean): boolean {
  if (value.length > NEAR) return false;
  if (/^\d{1,3}$/.test(value) || CODE_WORD.test(value) || REFERENCE.test(value) || PLACEHOLDER.test(value)) return true;
  if (is_type_place && TYPE.test(value)) return true;
  if (after === '(' || after === '[') return IDENTIFIER.test(value);
  return after === '<' && is_type_place && /^[A-Z]\w*$/.test(value);
}
