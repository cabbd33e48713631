import { endOf } from './rule.js';
import type { RedactionRule } from './rule.js';

const LOCAL = /[\p{L}\p{N}._%+'-]/u;
const LONGEST_LOCAL = 64;
const DOMAIN = /(?:[\p{L}\p{N}-]{1,63}\.){1,8}[\p{L}]{2,63}(?![\p{L}\p{N}_])/uy;
/** `logo@2x.png`, `core@10.3.0-beta.next`: what follows is a scale or a version. */
const SCALE_OR_VERSION = /\d{1,5}(?:\.\d{1,5})?x\.|\d{1,5}\.\d/y;
/** Ends of file names, but for those that are countries' domains, too (`.md`, `.py`). */
const FILE = /\.(?:png|jpe?g|gif|svg|webp|avif|ico|bmp|css|scss|less|js|jsx|mjs|cjs|ts|tsx|json|ya?ml|html?|xml|txt|map|pdf|mp[34]|woff2?|ttf|java|kt|go|rb|php|cpp|cs|dll|jar|log|conf|service|target|timer|socket)$/i; // prettier-ignore
/** `git@github.com:acme/app.git` is where a repository is. */
const SERVICE_USER = /(?:^|[^\p{L}\p{N}._%+'-])(?:git|hg|svn)$/u;

/** Addresses of people, found from their `@` backwards, so that a long word without one costs nothing. */
export const mailAddress: RedactionRule = {
  name: 'mail_address',
  anchor: /@|%40/g,
  read: (text, match) => {
    const at = match.index + match[0].length;
    const to = endOf(DOMAIN, text, at);
    if (to === at || endOf(SCALE_OR_VERSION, text, at) > at) return null;
    if (FILE.test(text.slice(Math.max(at, to - 10), to))) return null;
    if (SERVICE_USER.test(text.slice(Math.max(0, match.index - 4), match.index))) return null;
    const from = startOfLocal(text, match.index);
    return from < match.index ? { from, to } : null;
  },
};

function startOfLocal(text: string, end: number): number {
  let start = end;
  while (start > 0 && end - start < LONGEST_LOCAL && LOCAL.test(text[start - 1]!)) start -= 1;
  // Punctuation before a name belongs to the text.
  while (start < end && /[.'%-]/.test(text[start]!)) start += 1;
  return start;
}
