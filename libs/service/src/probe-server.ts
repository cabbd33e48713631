import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_CONTENT_TYPE, renderMetrics } from '@assay/observability';
import type { Liveness, Readiness } from './health.js';

interface Answer {
  status: number;
  content_type: string;
  body: string;
}

const json = (status: number, body: unknown): Answer => ({
  ...{ status, content_type: 'application/json; charset=utf-8', body: JSON.stringify(body) },
});
const report = (told: { ok: boolean }): Answer => json(told.ok ? 200 : 503, told);

/** A prober that holds a connection open and says nothing holds no other up, but not for ever either. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * What an orchestrator and a metrics collector ask, on a port of its own (SEC-9), which no ingress leads to: `/livez`,
 * `/readyz`, `/metrics`. It answers until the process has stopped, for a replica that drains is asked whether it is ready.
 */
export class ProbeServer {
  private constructor(private readonly server: Server) {}

  static async start(
    place: { host: string; port: number },
    health: { readiness: Readiness; liveness: Liveness },
  ): Promise<ProbeServer> {
    const routes: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
      '/livez': () => report(health.liveness.report()),
      '/readyz': async () => report(await health.readiness.report()),
      '/metrics': async () => ({ status: 200, content_type: METRICS_CONTENT_TYPE, body: await renderMetrics() }),
    };
    const server = createServer((request, response) => void answer(request, response, routes));
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place.port, place.host, resolve);
    });
    return new ProbeServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Readonly<Record<string, () => Answer | Promise<Answer>>>,
): Promise<void> {
  const { method, url = '' } = request;
  const route = routes[url.split('?', 1)[0]!];
  const asked = method === 'GET' || method === 'HEAD';
  const refused = json(route ? 405 : 404, { ok: false });
  const told = route && asked ? Promise.resolve().then(route) : refused;
  // What cannot be told is no reason to end the process: the prober asks again.
  const { status, content_type, body } = await Promise.resolve(told).catch(() => json(500, { ok: false }));
  response.writeHead(status, { 'content-type': content_type, 'content-length': Buffer.byteLength(body) });
  response.end(method === 'HEAD' ? undefined : body);
}
