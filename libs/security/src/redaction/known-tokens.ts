import { endOf } from './rule.js';
import type { RedactionRule, Span } from './rule.js';

/** Bodies of tokens; a token may be cut off, so that a body needs only to be long enough to be no word. */
const WORD = '[A-Za-z0-9_-]';

/** What is a secret by how it begins. Sources: the issuers' own pages; a prefix and a few characters are enough. */
const BY_PREFIX: readonly (readonly [issuer: string, pattern: string])[] = [
  ['Assay', `assay_${WORD}{4,}`],
  ['GitHub', '(?:gh[opusr]|github_pat)_[A-Za-z0-9_]{4,}'],
  ['GitLab', `gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas)-${WORD}{4,}(?:\\.[A-Za-z0-9_.-]*)?`],
  ['Stripe', '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{4,}'],
  ['Standard Webhooks, Stripe', 'whsec_[A-Za-z0-9+/=]{4,}'],
  ['Slack', 'xox[abceoprs](?:\\.xox[bp])?-[A-Za-z0-9-]{4,}'],
  ['Slack, application', 'xapp-\\d-[A-Za-z0-9-]{4,}'],
  ['AWS', '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}'],
  ['Google, API key', `AIza${WORD}{12,}`],
  ['Google, OAuth', `(?:ya29\\.|GOCSPX-|1//0)${WORD}{8,}`],
  ['SendGrid', `SG\\.${WORD}{16,}(?:\\.${WORD}*)?`],
  ['Twilio', 'SK[0-9a-f]{32}\\b'],
  ['Mailgun', 'key-[0-9a-f]{32}\\b'],
  ['npm', 'npm_[A-Za-z0-9]{12,}'],
  ['PyPI', `pypi-AgE${WORD}{8,}`],
  ['RubyGems', 'rubygems_[0-9a-f]{8,}'],
  ['Docker', `dckr_(?:pat|oat)_${WORD}{4,}`],
  ['Vault', `hv[sbr]\\.${WORD}{8,}`],
  ['DigitalOcean', 'do[opr]_v1_[a-f0-9]{8,}'],
  ['Grafana', 'gl(?:sa|c)_[A-Za-z0-9_+/=]{8,}'],
  ['Shopify', 'shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{8,}'],
  ['Atlassian', `AT(?:ATT3|BB)[A-Za-z0-9_=-]{8,}`],
  ['Databricks', 'dapi[0-9a-f]{32}(?:-\\d)?\\b'],
  ['Hugging Face', 'hf_[A-Za-z]{12,}'],
  ['Postman', `PMAK-${WORD}{12,}`],
  ['Sentry', 'sntry[su]_[A-Za-z0-9_+/=-]{8,}'],
  ['age', 'AGE-SECRET-KEY-1[A-Z0-9]{8,}'],
  ['1Password', '(?:ops_eyJ[A-Za-z0-9+/=]{8,}|A3-[A-Z0-9]{6}-[A-Z0-9-]{8,})'],
  ['JSON Web Token, whole or cut off after any part', `eyJ${WORD}{8,}(?:\\.${WORD}*){0,4}`],
  ['SCRAM', 'SCRAM-SHA-(?:1|256|512)\\$\\d{1,9}:[A-Za-z0-9+/=:$]{8,}'],
];

/** Begins like words do: a digit must be in it. `sk-navigation-button` is a class of a page. */
const BY_PREFIX_AND_DIGIT: typeof BY_PREFIX = [
  ['OpenAI, Anthropic', `sk-${WORD}{12,}`],
  ['Tailscale, Linear, Figma, New Relic', `(?:tskey-|lin_api_|figd_|NRAK-)${WORD}{12,}`],
];

const union = (entries: typeof BY_PREFIX): RegExp =>
  new RegExp(`\\b(?:${entries.map(([, pattern]) => pattern).join('|')})`, 'g');

const knownToken: RedactionRule = { name: 'known_token', anchor: union(BY_PREFIX), read: whole };

const likelyToken: RedactionRule = {
  name: 'likely_token',
  anchor: union(BY_PREFIX_AND_DIGIT),
  read: (text, match) => (/\d/.test(match[0]) ? whole(text, match) : null),
};

function whole(_text: string, match: RegExpExecArray): Span {
  return { from: match.index, to: match.index + match[0].length };
}

/** As Unix (`$2y$10$…`), Argon2 and Apache keep passwords. */
const passwordHash: RedactionRule = {
  name: 'password_hash',
  anchor: /\$(?:2[abxy]?\$\d\d|[56y]|apr1|argon2(?:id|i|d))\$[A-Za-z0-9./$=,+]{12,}/g,
  read: whole,
};

/** What a hook's address has behind its path lets everybody post: of Slack, Discord and Teams. */
const hook: RedactionRule = {
  name: 'hook',
  anchor: /hooks\.slack\.com\/(?:services|workflows|triggers)\/|discord(?:app)?\.com\/api\/webhooks\/|\.webhook\.office\.com\/webhookb2\//g, // prettier-ignore
  read: (text, match) => {
    const from = match.index + match[0].length;
    return { from, to: endOf(/[A-Za-z0-9@/_-]*/y, text, from) };
  },
};

/** Three characters, a digit, `Q~`, and the rest. */
const azureSecret: RedactionRule = {
  name: 'azure_secret',
  anchor: /Q~[A-Za-z0-9_~.-]{16,}/g,
  read: (text, match) => {
    const from = match.index - 4;
    return /[\w~.]{3}\d/y.test(text.slice(Math.max(0, from), match.index)) ? { ...whole(text, match), from } : null;
  },
};

/** A bot's number, a colon, `AA` and the rest. */
const telegramToken: RedactionRule = {
  name: 'telegram_token',
  anchor: new RegExp(`:AA${WORD}{30,}`, 'g'),
  read: (text, match) =>
    /\d/.test(text[match.index - 1] ?? '') ? { ...whole(text, match), from: match.index + 1 } : null,
};

export const TOKEN_RULES = [knownToken, likelyToken, passwordHash, hook, azureSecret, telegramToken];
