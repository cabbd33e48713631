import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Certificate, TestSystem } from '@assay/testing';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import { aSubmission, type JobBody } from './submissions.fixture.js';

export const MAIL_USER = 'assay';

function count(into: Map<string, number>, key: string): void {
  into.set(key, (into.get(key) ?? 0) + 1);
}

/** A mail server that lets in by TLS and login alone, and knows by which password each mail came. */
export class LoginMailServer {
  /** Each lets in. */
  passwords: readonly string[] = [];
  refused_logins = 0;
  /** Mails by recipient. */
  readonly mails = new Map<string, number>();
  /** Mails by password. */
  readonly by_password = new Map<string, number>();
  /** Connections that are open, by the password that they came in by. */
  readonly open = new Map<string, number>();
  readonly #smtp: SMTPServer;

  constructor(certificate: Certificate) {
    this.#smtp = new SMTPServer({
      ...{ key: certificate.key, cert: certificate.cert, secure: true, disableReverseLookup: true, closeTimeout: 100 },
      onAuth: ({ username, password: given }, _session, done) => {
        const password = given ?? '';
        if (username !== MAIL_USER || !this.passwords.includes(password)) {
          this.refused_logins += 1;
          return done(Object.assign(new Error('5.7.8 authentication failed'), { responseCode: 535 }));
        }
        count(this.open, password);
        // What a session is known by from now on.
        done(null, { user: password });
      },
      onData: (stream, session, done) => {
        stream.resume();
        stream.on('end', () => {
          for (const { address } of session.envelope.rcptTo) count(this.mails, address);
          count(this.by_password, String(session.user));
          done();
        });
      },
      onClose: ({ user }) => {
        if (user !== undefined) this.open.set(String(user), (this.open.get(String(user)) ?? 0) - 1);
      },
    });
    this.#smtp.on('error', () => undefined);
  }

  async listen(): Promise<number> {
    await once(this.#smtp.listen(0, '127.0.0.1'), 'listening');
    return (this.#smtp.server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((done) => this.#smtp.close(done));
  }
}

/** A webhook endpoint that believes nothing unless one of its secrets has signed it (Standard Webhooks). */
export class VerifyingReceiver {
  secret = '';
  refused = 0;
  /** Accepted ones by changelist. */
  readonly webhooks = new Map<string, number>();
  /** How many signatures the last one bore, and whether another secret had signed it, too. */
  last: { signatures: number; verifies: (secret: string) => boolean } = { signatures: 0, verifies: () => false };
  readonly #server: Server = createServer((request, response) => void this.#take(request, response));

  async listen(): Promise<number> {
    this.#server.keepAliveTimeout = 0;
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const headers = request.headers as Record<string, string>;
    const verifies = (secret: string): boolean => isSignedBy(secret, body, headers);
    this.last = { signatures: (headers['webhook-signature'] ?? '').split(' ').length, verifies };
    if (!verifies(this.secret)) {
      this.refused += 1;
      response.writeHead(401).end();
      return;
    }
    count(this.webhooks, String((JSON.parse(body) as { data: { changelist_id: unknown } }).data.changelist_id));
    response.writeHead(204).end();
  }
}

function isSignedBy(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

export interface Posted {
  changelist_id: string;
  recipient: string;
  status: number;
  job_id: string;
}

/** So many submissions a second, whatever becomes of those before, until it is stopped. */
export class SteadyLoad {
  readonly posted: Posted[] = [];
  /** What was answered or thrown instead of a 202. */
  readonly failures: string[] = [];
  readonly #under_way = new Set<Promise<void>>();
  #begun_at_ms = 0;
  #lasted_s = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly system: TestSystem,
    private readonly per_s: number,
  ) {}

  start(): void {
    this.#begun_at_ms = performance.now();
    this.#running = this.#run();
  }

  /** Resolves when the last has been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#under_way);
  }

  get rate_per_s(): number {
    return this.posted.length / this.#lasted_s;
  }

  async #run(): Promise<void> {
    for (let number = 0; !this.#stopped; number += 1) {
      const wait_ms = this.#begun_at_ms + (number * 1_000) / this.per_s - performance.now();
      if (wait_ms > 0) await pause(wait_ms);
      const posting = this.#post().finally(() => this.#under_way.delete(posting));
      this.#under_way.add(posting);
    }
    this.#lasted_s = (performance.now() - this.#begun_at_ms) / 1_000;
  }

  async #post(): Promise<void> {
    const body = aSubmission();
    const recipient = `dana+${body.changelist_id}@example.com`;
    body.recipients = [
      { channel: 'email', address: recipient },
      { channel: 'webhook', address: 'ci-bot' },
    ];
    try {
      const { status, body: answer } = await this.system.call('/v1/reviews', { body });
      const { job_id } = answer as JobBody;
      if (status !== 202) this.failures.push(`${status} ${JSON.stringify(answer)}`);
      this.posted.push({ changelist_id: String(body.changelist_id), recipient, status, job_id });
    } catch (error) {
      this.failures.push(String(error));
    }
  }
}
