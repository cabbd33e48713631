/** Which keys are secret, beside what is public of them: `public_key`, `idempotency_key`, `key_id`. */
const KEYS =
  'api|app|access|account|private|signing|encryption|master|auth|storage|shared[_-]?access|service|subscription|' +
  'session|client|secret';

/** Names under which secrets travel, or how such names end: `db_password`, `x-api-key`, `clientSecret`. Any case. */
export const NAME =
  `(?:passw(?:or)?[dt]|kennwort|passphrase|passcode|storepass|keypass|pwd|access[_-]?key[_-]?id|(?:${KEYS})[_-]?key|secret|token|credentials?|` +
  'session[_-]?id|connect\\.sid|jsessionid|phpsessid)';

/** What a name may have behind it and still be one: `SECRET_KEY_BASE`, `password_hash`, `DB_PASSWORD_2`. */
export const SUFFIX = '(?:[_-]?(?:\\d{1,3}|base|value|hash|data|b64|base64|text|plain|old|new|prod|dev|test|staging))?';

/** Short names, which count only as a word of a name: `DB_PASS`, `smtpPass`, `pw`; not `bypass`. Case counts. */
export const SHORT_NAME =
  '(?:pass(?<![A-Za-z]pass)|PASS(?<![A-Za-z]PASS)|Pass(?<![A-Z]Pass)|pw(?<![A-Za-z]pw)|PW(?<![A-Za-z]PW)|Pw(?<![A-Z]Pw))';

const SECRET_WORDS = new Set(
  ['password', 'passwd', 'pwd', 'pass', 'pw', 'passphrase', 'passcode', 'secret', 'token', 'authorization', 'cookie'], // prettier-ignore
);
const SECRET_KEYS = new RegExp(`^(?:${KEYS})_?keys?$`);

/** By the words of the name: `clientSecret`, `x-api-key`, `DB_PASSWORD`; not `token_count` or `secretary`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const last = words.at(-1) ?? '';
  if (SECRET_WORDS.has(last) || SECRET_WORDS.has(last.replace(/s$/, ''))) return true;
  return SECRET_KEYS.test(words.slice(-2).join('_')) || SECRET_KEYS.test(last);
}
