import { NEAR, endOf } from './rule.js';
import type { RedactionRule, Span } from './rule.js';

const WORD = /[^\s"'`\\]*/y;

const netrc: RedactionRule = {
  name: 'netrc',
  anchor: /\blogin\s{1,10}\S{1,64}\s{1,10}password\s{1,10}/g,
  read: (text, match) => wordAt(text, match.index + match[0].length),
};

function wordAt(text: string, from: number): Span {
  return { from, to: endOf(WORD, text, from) };
}

/** `curl -u user:password`, `http -a user:password`; `-u 1000:1000` are ids. */
const commandUser: RedactionRule = {
  name: 'command_user',
  anchor:
    /-(?:[auU]|-user|-proxy-user)(?<=(?:^|\s)-{1,2}[a-zA-Z-]{1,10})(?:=|[ \t]{0,4})\\{0,15}["']?[^\s:"'/\\]{1,64}:(?![/\s])/g,
  read: (text, match) => {
    const span = wordAt(text, match.index + match[0].length);
    return /^\d{1,10}$/.test(text.slice(span.from, Math.min(span.to, span.from + NEAR))) ? null : span;
  },
};

/** Programs that take a password by a short option of their own; `docker run -p` is a port. */
const CLIENTS: readonly (readonly [program: string, option: string])[] = [
  ['(?:mysql|mariadb)(?:-?(?:dump|admin|import))?', '-p'],
  ['mongo(?:sh|dump|restore|export|import)?', '-p[ \\t]{0,4}'],
  ['(?:sqlcmd|bcp)', '-P[ \\t]{0,4}'],
  ['ldap(?:search|modify|add|delete|passwd|whoami)', '-w[ \\t]{0,4}'],
  ['redis-cli', '-a[ \\t]{1,4}'],
  ['sshpass', '-p[ \\t]{0,4}'],
  ['(?:docker|podman|nerdctl|buildah|registry)[ \\t]{1,4}login', '-p[ \\t]{1,4}'],
  ['openssl', '-pass(?:in|out)?[ \\t]{1,4}pass:'],
  ['sqlplus', '[^\\s/@"\']{1,64}/'],
];

const clientPassword: RedactionRule = {
  name: 'client_password',
  anchor: new RegExp(
    `\\b(?:${CLIENTS.map(([program, option]) => `${program}\\b[^\\r\\n|;]{0,100}?[ \\t]${option}`).join('|')})(?=\\S)\\\\{0,15}["']?`,
    'g',
  ),
  read: (text, match) => wordAt(text, match.index + match[0].length),
};

export const COMMAND_RULES = [netrc, commandUser, clientPassword];
