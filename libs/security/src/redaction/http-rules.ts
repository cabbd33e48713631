import { isCode, isFilledIn, isProse } from './plain-values.js';
import { endOf, NEAR } from './rule.js';
import type { RedactionRule, Span } from './rule.js';
import { quotedAt } from './value.js';

const OPENING = /(\\{0,15})(["'`])/y;
const SCHEME = /[A-Za-z][A-Za-z0-9-]{0,20}[ \t]{1,10}(?=[^\s"'`\\])/y;
const CREDENTIAL = /[^\s"'`\\,;]*/y;
const LINE = /[^\r\n]*/y;
const QUOTED_LINE = /[^\r\n"'`\\]*/y;
const ONE_PART = /^(?:basic|bearer|negotiate|ntlm|token|apikey|api-key|key|dpop|ghtoken|splunk|genie-?key)$/i;
/** Schemes whose credentials are a list of parameters, with quotes of their own. */
const PARAMETERS = /^(?:digest|hawk|oauth|vapid|signature|aws4-hmac-sha256|sharedkey(?:lite)?|sharedaccesssignature)$/i;

/** The header, also as a member of an object; the scheme stays, since it tells what was tried. */
const authorization: RedactionRule = {
  name: 'authorization',
  anchor: /authorization(?:\\{0,15}["'`])?[ \t]{0,10}[:=][ \t]{0,10}/gi,
  read: (text, match) => {
    const begin = match.index + match[0].length;
    OPENING.lastIndex = begin;
    const opening = OPENING.exec(text);
    if (opening) {
      const { from, to } = quotedAt(text, OPENING.lastIndex, opening[1]!.length, opening[2]!);
      if (isFilledIn(text.slice(from, Math.min(to, from + NEAR + 1)))) return null;
      return { from: Math.min(endOf(SCHEME, text, from), to), to };
    }
    return bareAuthorization(text, begin, text[match.index - 1] ?? '');
  },
};

function bareAuthorization(text: string, begin: number, before: string): Span | null {
  const from = endOf(SCHEME, text, begin);
  const scheme = text.slice(begin, from).trim();
  if (PARAMETERS.test(scheme)) {
    // Within quotes (`-H 'Authorization: Digest …'`) the header ends with them.
    return /["'`]/.test(before) ? quotedAt(text, from, 0, before) : { from, to: endOf(LINE, text, from) };
  }
  if (ONE_PART.test(scheme)) return { from, to: endOf(CREDENTIAL, text, from) };
  const to = endOf(CREDENTIAL, text, begin);
  const word = text.slice(begin, Math.min(to, begin + NEAR + 1));
  // `Authorization: header missing`
  const is_told = isProse(word) || isCode(word, text[to] ?? '', true) || (from > begin && /^[A-Za-z]+$/.test(word));
  return is_told ? null : { from: begin, to };
}

/** A cookie header has `name=value`; "Session cookie: missing Secure flag" has none. */
const cookie: RedactionRule = {
  name: 'cookie',
  anchor: /cookie(?:\\{0,15}["'`])?[ \t]{0,10}[:=][ \t]{0,10}(?:\\{0,15}["'`])?(?=[\w!#$%&*+.^|~-]{1,64}=[^=\s])/gi,
  read: (text, match) => {
    const from = match.index + match[0].length;
    return { from, to: endOf(QUOTED_LINE, text, from) };
  },
};

/** `bearer tokens` are prose: a credential has digits or capitals inside. */
const credential: RedactionRule = {
  name: 'credential',
  anchor: /\b(?:Bearer|Digest|Negotiate)[ \t]{1,10}/gi,
  read: (text, match) => {
    const span = tokenAt(text, match.index + match[0].length);
    const shown = text.slice(span.from, Math.min(span.to, span.from + NEAR + 1));
    if (shown.length < 8) return null;
    return shown.length > NEAR || /\d|[a-z][A-Z]|=$/.test(shown) ? span : null;
  },
};

/** `Basic research` is prose, too: the credential is the base64 of `user:password`. */
const basicCredential: RedactionRule = {
  name: 'basic_credential',
  anchor: /\bBasic[ \t]{1,10}/gi,
  read: (text, match) => {
    const span = tokenAt(text, match.index + match[0].length);
    return isPair(text.slice(span.from, Math.min(span.to, span.from + 2 * NEAR))) ? span : null;
  },
};

const PAIR = /[^\s"'`\\,;&{}<>]*/y;
const PAIR_BEGINS = /[^\s"'`\\,;&{}<>]{0,128}/y;

/** `auth: 'user:password'`, as HTTP clients take it, or its base64, as Docker and npm write it. */
const authPair: RedactionRule = {
  name: 'auth_pair',
  anchor: /(?<![A-Za-z])auth(?:\\{0,15}["'`])?[ \t]{0,5}[:=][ \t]{0,5}(?:\\{0,15}["'`])?/gi,
  read: (text, match) => {
    const from = match.index + match[0].length;
    const shown = text.slice(from, endOf(PAIR_BEGINS, text, from));
    const is_pair = /^[^:/]{1,64}:[^:/]/.test(shown) || isPair(shown);
    return is_pair ? { from, to: endOf(PAIR, text, from) } : null;
  },
};

function tokenAt(text: string, from: number): Span {
  return { from, to: endOf(/[A-Za-z0-9._~+/=-]*/y, text, from) };
}

/** Whether text is base64 of what begins with a name and a colon; it may be cut off. */
function isPair(text: string): boolean {
  if (text.length < 6 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return false;
  return /^[\x20-\x39\x3b-\x7e]{1,80}:[\x20-\x7e]*/.test(Buffer.from(text, 'base64').toString('latin1'));
}

/** Signatures in links, which open what they sign: of Azure, AWS and Google. */
const queryParameter: RedactionRule = {
  name: 'query_parameter',
  anchor: /[?&;](?:sig|signature|x-(?:amz|goog)-(?:signature|credential))=/gi,
  read: (text, match) => {
    const from = match.index + match[0].length;
    return { from, to: endOf(/[^\s&"'`<>\\]*/y, text, from) };
  },
};

export const HTTP_RULES = [authorization, cookie, credential, basicCredential, authPair, queryParameter];
