import type { AccessGuard, AuthenticatedRequest, RouteAccess } from '@assay/security';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BodiesInFlight } from './bodies-in-flight.js';
import { CallerLimits } from './caller-limits.js';
import type { HTTP_SETTINGS } from './common-settings.js';
import type { Values } from './settings.js';

/** Of a request whose caller is not known, as to a route that there is not. */
const NOBODY = '';

type Limits = Pick<
  Values<typeof HTTP_SETTINGS>,
  'http_body_limit_bytes' | 'http_bodies_in_flight_bytes' | 'http_rate_per_s' | 'http_rate_burst' | 'http_concurrency'
>;

/**
 * Judges each request by its headers, before a byte of its body is read (ING-12): its credential, its role, how much its
 * caller asks, its size. Routes that ask for no credential are held to the last alone.
 */
export function judgeByHeaders(fastify: FastifyInstance, access: AccessGuard, limits: Limits): void {
  const callers = new CallerLimits({
    rate: { per_s: limits.http_rate_per_s, burst: limits.http_rate_burst },
    concurrency: limits.http_concurrency,
  });
  const bodies = new BodiesInFlight(limits.http_bodies_in_flight_bytes);
  fastify.addHook('onRequest', (request, reply, done) => {
    const { access: asked } = request.routeOptions.config as { access?: RouteAccess };
    const caller = request as FastifyRequest & AuthenticatedRequest;
    try {
      if (asked !== undefined) access.judgeHeaders(caller, asked);
      if (caller.principal !== undefined) reply.raw.once('close', callers.admit(callerOf(caller)));
      const bytes = Math.min(declaredBytes(request) ?? limits.http_body_limit_bytes, limits.http_body_limit_bytes);
      if (bytes > 0) reply.raw.once('close', bodies.admit(callerOf(caller), bytes));
      done();
    } catch (problem) {
      done(problem as Error);
    }
  });
}

/** A submitter's keys are its source's; others are each their own. */
function callerOf({ principal }: AuthenticatedRequest): string {
  if (principal === undefined) return NOBODY;
  return principal.role === 'submitter' ? principal.source : `key ${principal.key_id}`;
}

/** Null where a body comes in chunks, of any length up to the limit. */
function declaredBytes({ headers }: FastifyRequest): number | null {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : null;
}
