import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresAnswers } from './postgres-answers.js';

/** COMMIT as a client sends it: a simple query (type, length, text, NUL). */
const COMMIT = Buffer.from('Q\u0000\u0000\u0000\u000bCOMMIT\u0000', 'latin1');

interface Link {
  client: Socket;
  server: Socket;
  /** What either side sends arrives nowhere. */
  silent: boolean;
  /** Answers that come later, in their order: one that is delayed must not be overtaken once the delay is over. */
  late: Promise<void>;
  delayed: number;
}

/** Which of the moments that a fault may hit it hits. */
export interface Which {
  /**
   * Of all moments, from 0 to 1; default all. Which ones is drawn, and the same in each run: every n-th could go in step
   * with a loop of n statements, and hit the same one for ever.
   */
  share?: number;
  /** So many times; default without end. */
  times?: number;
}

/**
 * A wire between a client and Postgres on which things go wrong: what a network, a pooler or a fail-over does to a
 * connection, at the moment at which it hurts. One fault of a kind at a time, until {@link lift}.
 */
export class PostgresProxy {
  /** Commits whose answer was withheld, or that never reached the server. */
  cuts = 0;
  /** Answers to a commit, of a transaction or of a statement alone, that have come from the server. */
  commits = 0;
  readonly #links = new Set<Link>();
  #cut_after: Draw | null = null;
  #cut_before: Draw | null = null;
  #refusing = false;
  #swallowing = false;
  #delay_ms = 0;
  #flapping: NodeJS.Timeout | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {}

  /** In front of the server that a connection URL names, on a free port. */
  static async start(url: string): Promise<PostgresProxy> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new PostgresProxy(server, { host: hostname, port: Number(port) });
    server.on('connection', (client) => proxy.#accept(client));
    return proxy;
  }

  get connections(): number {
    return this.#links.size;
  }

  /** The same URL, by way of this proxy. */
  url(of: string): string {
    const url = new URL(of);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** The server commits, and the connection ends before its answer comes back. */
  cutAfterCommit(which: Which = {}): void {
    this.#cut_after = new Draw(which);
  }

  /** The connection ends instead of passing on COMMIT: the server rolls back. */
  cutBeforeCommit(which: Which = {}): void {
    this.#cut_before = new Draw(which);
  }

  /** Nothing arrives any more and nothing ends: `standing` connections only, or new ones as well. */
  blackHole(which: 'all' | 'standing'): void {
    for (const link of this.#links) link.silent = true;
    this.#swallowing = which === 'all';
  }

  /** Every answer comes so much later. */
  delay(delay_ms: number): void {
    this.#delay_ms = delay_ms;
  }

  /** Ends all connections and refuses new ones, as a server that is down. */
  refuse(): void {
    this.#refusing = true;
    this.#endAll();
  }

  /** Down for a period, up for a period, and so on. */
  flap(period_ms: number): void {
    this.refuse();
    clearInterval(this.#flapping);
    this.#flapping = setInterval(() => {
      if (this.#refusing) this.#refusing = false;
      else this.refuse();
    }, period_ms);
  }

  /** Everything works again. Connections that had gone silent are ended: what they had swallowed is gone. */
  lift(): void {
    clearInterval(this.#flapping);
    this.#cut_after = this.#cut_before = null;
    this.#refusing = this.#swallowing = false;
    this.#delay_ms = 0;
    for (const link of this.#links) if (link.silent) end(link);
  }

  async close(): Promise<void> {
    this.lift();
    this.#endAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#refusing) return void client.resetAndDestroy();
    const server = connect({ ...this.target, noDelay: true });
    client.setNoDelay(true);
    const link: Link = { client, server, silent: this.#swallowing, late: Promise.resolve(), delayed: 0 };
    this.#links.add(link);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    const answers = new PostgresAnswers();
    client.on('data', (chunk) => this.#fromClient(link, chunk));
    client.on('close', () => {
      this.#links.delete(link);
      server.destroy();
    });
    server.on('data', (chunk) => this.#fromServer(link, answers, chunk));
    server.on('close', () =>
      this.#tell(link, () => {
        client.write(answers.rest());
        client.end();
      }),
    );
  }

  #fromClient(link: Link, chunk: Buffer): void {
    if (link.silent) return;
    const at = this.#cut_before === null ? -1 : chunk.indexOf(COMMIT);
    if (at >= 0 && this.#cut_before!.hits()) {
      this.cuts += 1;
      return end(link);
    }
    link.server.write(chunk);
  }

  #fromServer(link: Link, answers: PostgresAnswers, chunk: Buffer): void {
    for (const { bytes, commits } of answers.take(chunk)) {
      if (commits) this.commits += 1;
      if (commits && this.#cut_after?.hits()) {
        this.cuts += 1;
        return end(link);
      }
      this.#tell(link, () => link.client.write(bytes));
    }
  }

  /** Now, or later while answers are delayed. A client that has gone silent hears of nothing, an end included. */
  #tell(link: Link, say: () => void): void {
    const sayIt = () => {
      if (!link.silent && !link.client.destroyed) say();
    };
    if (this.#delay_ms === 0 && link.delayed === 0) return sayIt();
    const due_at_ms = performance.now() + this.#delay_ms;
    link.delayed += 1;
    link.late = link.late.then(async () => {
      await sleep(Math.max(0, due_at_ms - performance.now()));
      link.delayed -= 1;
      sayIt();
    });
  }

  #endAll(): void {
    for (const link of this.#links) end(link);
  }
}

/** Draws which moments a fault hits. */
class Draw {
  #hits = 0;
  #state = 1;

  constructor(private readonly which: Which) {}

  hits(): boolean {
    const { share = 1, times = Number.POSITIVE_INFINITY } = this.which;
    if (this.#hits >= times || this.#next() >= share) return false;
    this.#hits += 1;
    return true;
  }

  /** From 0 to below 1: the minimal standard generator (Park and Miller, 1988). */
  #next(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state / 2_147_483_647;
  }
}

function end({ client, server }: Link): void {
  client.resetAndDestroy();
  server.destroy();
}
