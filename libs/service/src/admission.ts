import type { AccessGuard, AuthenticatedRequest, RouteAccess } from '@assay/security';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BodiesInFlight } from './bodies-in-flight.js';
import { CallerLimits } from './caller-limits.js';
import type { HTTP_SETTINGS } from './common-settings.js';
import { Refusal } from './refusal.js';
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
  const admit = (request: FastifyRequest & AuthenticatedRequest, reply: FastifyReply): Refusal | null => {
    const caller = callerOf(request);
    const bytes = Math.min(declaredBytes(request) ?? limits.http_body_limit_bytes, limits.http_body_limit_bytes);
    const asked = [
      () => (request.principal === undefined ? null : callers.admit(caller)),
      () => (bytes === 0 ? null : bodies.admit(caller, bytes)),
    ];
    for (const ask of asked) {
      const answer = ask();
      if (answer instanceof Refusal) return answer;
      if (answer !== null) reply.raw.once('close', answer);
    }
    return null;
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    const { access: asked } = request.routeOptions.config as { access?: RouteAccess };
    try {
      if (asked !== undefined) access.judgeHeaders(request, asked);
    } catch (problem) {
      done(problem as Error);
      return;
    }
    const refusal = admit(request, reply);
    if (refusal === null) done();
    else refusal.answer(reply);
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
