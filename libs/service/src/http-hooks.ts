import { correlationIdFrom, counter, histogram, LATENCY_SECONDS, runInContext, startSpan } from '@assay/observability';
import type { ActiveSpan, WorkContext } from '@assay/observability';
import type { FastifyInstance, FastifyRequest } from 'fastify';

interface Followed {
  context: WorkContext;
  span: ActiveSpan;
}
const followed = new WeakMap<FastifyRequest, Followed>();

const durations = histogram(
  'assay_http_request_duration_seconds',
  'Time to answer, by method, route and status.',
  LATENCY_SECONDS,
);

const aborted = counter('assay_http_requests_aborted_total', 'Callers that went away before they were answered.');

/** Correlation id and trace run from the request's headers through everything that it causes (OBS-1). */
export function followRequests(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const header = request.headers['x-correlation-id'];
    const correlation_id = correlationIdFrom(typeof header === 'string' ? header : undefined);
    void reply.header('x-correlation-id', correlation_id);
    const span = spanOf(request);
    const context = { correlation_id, traceparent: span.traceparent, origin: request.ip };
    followed.set(request, { context, span });
    runInContext(context, done);
  });
  // The body arrives through the socket's own events, which know nothing of the context: enter it again.
  fastify.addHook('preValidation', (request, _reply, done) => {
    const { context } = followed.get(request) ?? {};
    if (context) runInContext(context, done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    const route = routeOptions.url ?? 'none';
    durations.record(reply.elapsedTime / 1000, { method, route, status: reply.statusCode });
    const { span } = followed.get(request) ?? {};
    span?.set({ 'http.response.status_code': reply.statusCode });
    span?.end();
    done();
  });
  // A caller that goes away amid its body is answered by nobody: "onResponse" never comes.
  fastify.addHook('onRequestAbort', (request, done) => {
    const { method, routeOptions } = request;
    aborted.add(1, { method, route: routeOptions.url ?? 'none' });
    followed.get(request)?.span.end();
    done();
  });
}

/** The context of a request whose handler lost it, for the error filter. */
export function contextOf(request: FastifyRequest): WorkContext | undefined {
  return followed.get(request)?.context;
}

function spanOf(request: FastifyRequest): ActiveSpan {
  const { method, headers, routeOptions } = request;
  const route = routeOptions.url ?? 'none';
  const parent = typeof headers.traceparent === 'string' ? headers.traceparent : null;
  const attributes = { 'http.request.method': method, 'http.route': route };
  return startSpan(`${method} ${route}`, { kind: 'SERVER', parent, attributes });
}
