import { endOf } from './rule.js';
import type { RedactionRule, Span } from './rule.js';

/** Of a password that is looked for backwards, or without an end that is sure. */
const LONGEST = 128;
/** May be an address itself: `smtp://user@example.org:password@mail`. */
const USER = /[^\s:/"'`<>\\?#]*/y;
const REST = /^[^\s"'`<>\\]*/;
/** A port, and what may follow it where there are no credentials. */
const PORT = /^\d{1,5}(?=[/?#,;)\]}]|$)/;
const WEB = /^(?:https?|wss?)$/i;
/** `docker://alpine:latest`: what stands behind the colon is a tag or a place. */
const NO_HOST = /^(?:docker(?:-image|-daemon)?|oci|file|webpack(?:-internal)?|node|jar)$/i;

/**
 * scheme://user:password@host. A password may hold any but white space and quotes, a slash too: the last `@` before a
 * query ends it. A cut-off one ends with the text, its line or its quote.
 */
const connectionUri: RedactionRule = {
  name: 'connection_uri',
  anchor: /:\/\//g,
  read: (text, match) => {
    const scheme = /[a-z][a-z0-9+.-]{0,30}$/i.exec(text.slice(Math.max(0, match.index - 31), match.index))?.[0];
    const colon = endOf(USER, text, match.index + 3);
    if (scheme === undefined || text[colon] !== ':') return null;
    const next = text.indexOf('://', colon);
    const run = REST.exec(text.slice(colon + 1, next < 0 ? text.length : next))![0];
    // `ssh://git@host:path` is cut off nowhere.
    if (text.slice(match.index, colon).includes('@') && !run.includes('@')) return null;
    return passwordIn(run, scheme, colon + 1, text);
  },
};

function passwordIn(run: string, scheme: string, from: number, text: string): Span | null {
  const at = lastAt(run);
  if (PORT.test(run) && (at < 0 || WEB.test(scheme))) return null;
  if (at >= 0) return { from, to: from + at };
  const to = from + run.length;
  const is_cut_off = to === text.length || /["'`\\\r\n]/.test(text[to]!);
  return is_cut_off && !/[/?#{}$]/.test(run) && !NO_HOST.test(scheme) ? { from, to } : null;
}

/** The last `@` before a query, which may hold addresses of its own. */
function lastAt(run: string): number {
  const before_query = run.slice(0, run.search(/[?#]|$/)).lastIndexOf('@');
  return before_query >= 0 ? before_query : run.lastIndexOf('@');
}

/** Go's form of MySQL: user:password@tcp(host:3306)/db. */
const driverAddress: RedactionRule = {
  name: 'driver_address',
  anchor: /@(?:tcp|tcp6|unix)\(/g,
  read: (text, match) => {
    let start = match.index;
    while (start > 0 && match.index - start < LONGEST && !/[\s"'`]/.test(text[start - 1]!)) start -= 1;
    const colon = text.slice(start, match.index).indexOf(':');
    return colon > 0 ? { from: start + colon + 1, to: match.index } : null;
  },
};

/** jdbc:oracle:thin:user/password@host */
const oracleAddress: RedactionRule = {
  name: 'oracle_address',
  anchor: /\bjdbc:oracle:\w{1,10}:[^\s/@"']{1,64}\//g,
  read: (text, match) => {
    const from = match.index + match[0].length;
    const to = endOf(/[^\s@"']{0,128}/y, text, from);
    return text[to] === '@' || to === text.length ? { from, to } : null;
  },
};

export const CONNECTION_RULES = [connectionUri, driverAddress, oracleAddress];
