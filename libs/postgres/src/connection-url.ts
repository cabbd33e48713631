import { readTlsFiles, SSL_MODES } from './tls.js';
import type { SslMode, TlsFiles } from './tls.js';

export interface ServerAddress {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** Which of several servers will do: one that takes writes, one that is no standby, or whichever answers first. */
export const SESSION_ATTRIBUTES = ['any', 'read-write', 'primary'] as const;
export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

/** What a connection URL says. */
export interface ConnectionTarget {
  /** In the order in which they are tried; at least one. */
  readonly servers: readonly ServerAddress[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsFiles;
  readonly attributes: SessionAttributes;
}

const FORM = 'postgres://role:password@host:port/database';
const PARAMETERS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'target_session_attrs', 'host', 'port'] as const;
const WHOLE_URL = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
/** `name`, `name:port`, `[v6]`, `[v6]:port`. */
const HOST = /^(\[[0-9A-Fa-f:.%]+\]|[^:[\]]*)(?::(\d+))?$/;
const DEFAULT_PORT = 5432;

/**
 * Reads a connection URL as libpq does: several hosts, `sslmode` and its files, `target_session_attrs`. Stricter where
 * libpq leaves something to luck: no parameter is ignored, a mode that may go without TLS unsaid is refused, and of
 * several hosts one that takes writes is looked for unless the URL says otherwise (ADR 0022).
 *
 * @throws Error that says what is wrong and what to write, and never repeats what may be a password
 */
export function readConnectionUrl(text: string): ConnectionTarget {
  const [whole, credentials = '', authority = '', path = '', query = ''] = WHOLE_URL.exec(text) ?? [];
  if (whole === undefined) {
    throw new Error(`is no connection URL: write ${FORM}, with what is not a letter or a digit percent-encoded`);
  }
  const [user, password] = readCredentials(credentials);
  const parameters = readParameters(query);
  const servers = readServers(authority, parameters);
  const database = decoded(path, 'the name of the database');
  if (user === '') throw new Error(`names no role: write ${FORM}`);
  if (database === '') throw new Error(`names no database: write ${FORM}`);
  return {
    servers,
    user,
    password,
    database,
    tls: readTls(parameters),
    attributes: readAttributes(parameters, servers),
  };
}

/** For the settings: whether a URL, and each file that it names, can be used now. Throws as {@link readConnectionUrl}. */
export function checkConnectionUrl(text: string): void {
  readTlsFiles(readConnectionUrl(text).tls);
}

type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

function readCredentials(credentials: string): [user: string, password: string] {
  const colon = credentials.indexOf(':');
  const [user, password] = colon < 0 ? [credentials, ''] : [credentials.slice(0, colon), credentials.slice(colon + 1)];
  return [decoded(user, 'the role'), decoded(password, 'the password')];
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`has a % in ${what} that begins no percent-encoding: write %25 for %`);
  }
}

function readParameters(query: string): Parameters {
  const parameters: Parameters = {};
  for (const part of query.split('&').filter((each) => each !== '')) {
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals), 'a parameter') as keyof Parameters;
    if (!PARAMETERS.includes(name)) throw unknownParameter(name);
    if (parameters[name] !== undefined) throw new Error(`names ${name} twice`);
    parameters[name] = decoded(equals < 0 ? '' : part.slice(equals + 1), name);
  }
  return parameters;
}

/** What people paste, and what to do about it. */
const CURES: Readonly<Record<string, string>> = {
  options: 'poolers refuse it, and `migrate` sets on the role what a session needs',
  channel_binding: 'leave it out; sslmode=verify-full makes sure of the server',
  ssl: 'write sslmode=require, or better sslmode=verify-full',
  pgbouncer: 'leave it out; the pooler must be in session mode',
  connect_timeout: 'leave it out; a connection has 5 s',
  application_name: 'leave it out; each service gives its own',
};

/** A mistake in the punctuation may have made a piece of a password of it: only a plain word is repeated. */
function unknownParameter(name: string): Error {
  const said = /^[a-z_]{2,40}$/.test(name) ? name : 'one that is no plain word';
  return new Error(`has the parameter ${said}: ${CURES[name] ?? `known are ${PARAMETERS.join(', ')}`}`);
}

function readServers(authority: string, parameters: Parameters): ServerAddress[] {
  if (authority !== '' && parameters.host !== undefined) {
    throw new Error('names its host twice: before the database and as a parameter');
  }
  const hosts = (parameters.host ?? authority).split(',');
  const ports = parameters.port?.split(',');
  if (ports && ports.length !== 1 && ports.length !== hosts.length) {
    throw new Error(`has ${hosts.length} hosts and ${ports.length} ports: give each its own, or one for all`);
  }
  return hosts.map((text, place) => readServer(text, place, ports?.[ports.length === 1 ? 0 : place]));
}

function readServer(text: string, place: number, given_port: string | undefined): ServerAddress {
  const plain = decoded(text, `host ${place + 1}`);
  const [whole, name, own_port] = plain.startsWith('/') ? [plain, plain, undefined] : (HOST.exec(plain) ?? []);
  if (whole === undefined) throw new Error(`host ${place + 1} is neither name, name:port nor [address]:port`);
  if (!name) throw new Error(`host ${place + 1} has no name: write host:port, several with a comma between them`);
  const port = Number(own_port ?? given_port ?? DEFAULT_PORT);
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw new Error(`host ${place + 1} has no port from 1 to 65535`);
  }
  return { host: name.replace(/^\[(.+)\]$/, '$1'), port };
}

/** `allow` and `prefer` go without TLS where the server, or who stands in between, says that it has none. */
const WITHOUT_PROMISE = ['allow', 'prefer'];

function readTls({ sslmode, sslrootcert, sslcert, sslkey }: Parameters): TlsFiles {
  if (sslmode !== undefined && WITHOUT_PROMISE.includes(sslmode)) {
    throw new Error(`sslmode=${sslmode} may go without TLS unsaid: write disable, require, verify-ca or verify-full`);
  }
  const mode = (sslmode ?? 'disable') as SslMode;
  if (!SSL_MODES.includes(mode)) throw new Error(`sslmode must be one of ${SSL_MODES.join(', ')}`);
  if (mode === 'disable' && (sslrootcert ?? sslcert ?? sslkey) !== undefined) {
    throw new Error('names certificates and goes without TLS: write sslmode=verify-full');
  }
  if (mode === 'verify-ca' && (sslrootcert ?? 'system') === 'system') {
    throw new Error('sslmode=verify-ca needs sslrootcert=/path: any public authority vouches for anybody');
  }
  if ((sslcert === undefined) !== (sslkey === undefined)) throw new Error('sslcert and sslkey go together');
  // As in libpq: who names the authority wants it asked.
  const asked = mode === 'require' && sslrootcert !== undefined;
  if (asked && sslrootcert === 'system') throw new Error('sslrootcert=system needs sslmode=verify-full');
  return { mode: asked ? 'verify-ca' : mode, sslrootcert, sslcert, sslkey };
}

function readAttributes({ target_session_attrs }: Parameters, servers: readonly unknown[]): SessionAttributes {
  const fallback: SessionAttributes = servers.length > 1 ? 'read-write' : 'any';
  const attributes = (target_session_attrs ?? fallback) as SessionAttributes;
  if (SESSION_ATTRIBUTES.includes(attributes)) return attributes;
  throw new Error(
    `target_session_attrs must be one of ${SESSION_ATTRIBUTES.join(', ')}: a service writes, which a standby cannot`,
  );
}
