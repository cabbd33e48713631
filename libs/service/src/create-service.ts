import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy, NestMicroservice } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLog } from '@assay/observability';
import { AccessGuard, SecurityModule } from '@assay/security';
import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';
import { judgeByHeaders } from './admission.js';
import type { HTTP_SETTINGS } from './common-settings.js';
import { Liveness, Readiness } from './health.js';
import { followRequests } from './http-hooks.js';
import { acceptJsonBodies } from './json-body.js';
import { KeepFailuresFilter } from './keep-failures.filter.js';
import { KnownRoutes } from './known-routes.js';
import { NestLog } from './nest-log.js';
import { ProbeServer } from './probe-server.js';
import { ProblemFilter } from './problem.filter.js';
import { ServiceModule } from './service.module.js';
import type { Values } from './settings.js';
import { ShapePipe } from './shape.pipe.js';
import { Shutdown } from './shutdown.js';

const log = createLog('service', ['started', 'stopping', 'http_closed', 'stopped']);

/** For a request to arrive whole; Fastify's own default waits for ever. Answers may take longer (`wait_s`). */
const REQUEST_TIMEOUT_MS = 60_000;
/**
 * As long as Node lets a request line be: a name of any length is looked up like another one and not found. Fastify's own
 * limit of 100 answers 414 in a form of its own; it guards regular expressions in routes, of which there are none.
 */
const MAX_PARAM_CHARACTERS = 16 * 1024;

export type HttpConfig = Pick<
  Values<typeof HTTP_SETTINGS>,
  | 'instance'
  | 'http_host'
  | 'http_port'
  | 'probe_host'
  | 'probe_port'
  | 'http_body_limit_bytes'
  | 'http_bodies_in_flight_bytes'
  | 'http_rate_per_s'
  | 'http_rate_burst'
  | 'http_concurrency'
  | 'api_keys_file'
>;

export interface ServiceParts {
  name: string;
  module: DynamicModule;
  /** The Kafka side; closed after HTTP and before everything else. */
  transport?: (app: NestFastifyApplication) => CustomTransportStrategy;
}

export interface RunningService {
  readonly app: NestFastifyApplication;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Where `/livez`, `/readyz` and `/metrics` are: another port of the same form. */
  readonly probes_url: string;
  /**
   * Stops in order (OPS-1): not ready, HTTP closed with its requests answered, consumers stopped, `onModuleDestroy`
   * (the work queue), `beforeApplicationShutdown` (publishers), `onApplicationShutdown` (pools).
   */
  stop(): Promise<void>;
}

/** Starts a service inside this process: what `runService` does once the settings are read, and what tests do. */
export async function startService(parts: ServiceParts, config: HttpConfig): Promise<RunningService> {
  const { app, routes, drain } = await createApp(parts, config);
  app.useGlobalFilters(new ProblemFilter(routes));
  app.useGlobalPipes(new ShapePipe());
  const strategy = parts.transport?.(app);
  const closeStrategy = strategy ? closeOnce(strategy) : async () => undefined;
  if (strategy) {
    connectStrategy(app, strategy);
    // First: a consumer must not hand events to a module whose hooks have not run.
    await app.init();
    await app.startAllMicroservices();
  }
  const probes = await startProbes(app, config);
  await app.listen(config.http_port, config.http_host);
  const { port } = app.getHttpServer().address() as { port: number };
  log.info('started', { port, probe_port: probes.port });
  const [url, probes_url] = [port, probes.port].map((each) => `http://127.0.0.1:${each}`) as [string, string];
  return { app, url, probes_url, stop: () => stop(app, drain, closeStrategy).finally(() => probes.close()) };
}

function startProbes(app: NestFastifyApplication, config: HttpConfig): Promise<ProbeServer> {
  const beside = config.http_port === 0 ? 0 : config.http_port + 1;
  const place = { host: config.probe_host ?? config.http_host, port: config.probe_port ?? beside };
  return ProbeServer.start(place, { readiness: app.get(Readiness), liveness: app.get(Liveness) });
}

/** Nest registers handlers when it connects a strategy, and only then reads the filters: so its start is deferred. */
function connectStrategy(app: NestFastifyApplication, strategy: CustomTransportStrategy): void {
  const microservice = app.connectMicroservice<{ strategy: CustomTransportStrategy }>(
    { strategy },
    { deferInitialization: true },
  ) as NestMicroservice;
  microservice.useGlobalFilters(new KeepFailuresFilter());
  // The application runs the hooks of the modules that both share.
  microservice.setIsInitHookCalled(true);
}

async function createApp(parts: ServiceParts, config: HttpConfig) {
  const adapter = new FastifyAdapter({
    bodyLimit: config.http_body_limit_bytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: MAX_PARAM_CHARACTERS },
  });
  const fastify = adapter.getInstance();
  const routes = new KnownRoutes(fastify);
  const drain = closeConnectionsOnDrain(fastify);
  followRequests(fastify);
  acceptJsonBodies(fastify, config.http_body_limit_bytes);
  const app = await NestFactory.create<NestFastifyApplication>(rootOf(parts, config), adapter, {
    logger: new NestLog(),
    bodyParser: false,
    abortOnError: false,
  });
  judgeByHeaders(fastify, app.get(AccessGuard), config);
  return { app, routes, drain };
}

/**
 * From the moment that the returned function is called each answer closes its connection: one that is answered while the
 * server closes would otherwise be kept alive, and with it the server, for 72 s. A connection on which nothing was asked
 * yet (a client's spare one, or one that was accepted for a caller who had given up) is no idle one to Node, which would
 * wait a minute for its first request: it is closed at once.
 */
function closeConnectionsOnDrain(fastify: FastifyInstance): () => void {
  const unused = new Set<Socket>();
  let draining = false;
  fastify.server.on('connection', (socket) => {
    if (draining) {
      socket.destroy();
      return;
    }
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  fastify.server.on('request', ({ socket }) => unused.delete(socket));
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (draining) void reply.header('connection', 'close');
    done(null, payload);
  });
  return () => {
    draining = true;
    for (const socket of unused) socket.destroy();
  };
}

@Module({})
class RootModule {}

function rootOf({ name, module }: ServiceParts, { instance, api_keys_file }: HttpConfig): DynamicModule {
  return {
    module: RootModule,
    imports: [ServiceModule.register({ name, instance }), SecurityModule.register({ api_keys_file }), module],
  };
}

async function stop(app: NestFastifyApplication, drain: () => void, closeStrategy: () => Promise<void>): Promise<void> {
  const begun_at = performance.now();
  log.info('stopping');
  app.get(Readiness).drain();
  drain();
  app.get(Shutdown).begin();
  await app.getHttpAdapter().close();
  log.info('http_closed');
  await closeStrategy();
  await app.close();
  log.info('stopped', { took_ms: Math.round(performance.now() - begun_at) });
}

/** Nest closes a strategy once more in `app.close()`: the second time must find nothing to do. */
function closeOnce(strategy: CustomTransportStrategy): () => Promise<void> {
  const close = strategy.close.bind(strategy) as () => unknown;
  let closing: Promise<void> | undefined;
  const once = (): Promise<void> => (closing ??= Promise.resolve(close()).then(() => undefined));
  strategy.close = once;
  return once;
}
