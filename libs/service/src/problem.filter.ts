import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Failure, Problem, problemDetails } from '@assay/contracts';
import type { ProblemCode } from '@assay/contracts';
import { createLog, currentContext } from '@assay/observability';
import { redactValue } from '@assay/security';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { contextOf } from './http-hooks.js';
import type { KnownRoutes } from './known-routes.js';
import { reportProgrammingError } from './programming-errors.js';

const log = createLog('http', ['request_unavailable']);

const RETRY_AFTER_S = '1';

/** What Nest's router and Fastify refuse by themselves, by status. */
const BY_STATUS: Record<number, ProblemCode> = {
  400: 'invalid_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'unavailable',
};

/** Every error as RFC 9457 problem details (ING-10): a stable code, no stack, nothing of what was sent. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: KnownRoutes) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.#problemOf(thrown, request);
    const correlation_id = (contextOf(request) ?? currentContext()).correlation_id;
    if (reply.sent) return;
    void reply
      .status(problem.status)
      .headers(problem.options.headers ?? {})
      .header('content-type', 'application/problem+json')
      .send(JSON.stringify({ ...redactValue(problemDetails(problem)), correlation_id }));
  }

  #problemOf(thrown: unknown, request: FastifyRequest): Problem {
    if (thrown instanceof Problem) return thrown;
    const status = statusOf(thrown);
    if (status === 404) return this.#nothingThere(request);
    const code =
      status === undefined ? undefined : (BY_STATUS[status] ?? (status < 500 ? 'invalid_request' : undefined));
    if (code) return new Problem(code, { cause: thrown });
    const failure = Failure.from(thrown);
    if (failure.retryable) {
      log.warn('request_unavailable', { url: pathOf(request), error_class: failure.error_class, code: failure.code });
      return new Problem('unavailable', { headers: { 'retry-after': RETRY_AFTER_S }, cause: thrown });
    }
    reportProgrammingError('http', failure, { url: pathOf(request) });
    return new Problem('internal_error', { cause: thrown });
  }

  #nothingThere(request: FastifyRequest): Problem {
    const methods = this.routes.methodsOf(pathOf(request));
    if (methods.length === 0 || methods.includes(request.method)) return new Problem('not_found');
    return new Problem('method_not_allowed', { headers: { allow: methods.join(', ') } });
  }
}

/** What a body that ends early throws: the caller went away, which is no fault of ours. */
const CALLER_GONE = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE']);

/** The status of an error that Nest or Fastify made; of no other, since a service's bug may carry a `statusCode`, too. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  const { code, statusCode } = (thrown ?? {}) as { code?: unknown; statusCode?: unknown };
  if (typeof code !== 'string' || typeof statusCode !== 'number') return undefined;
  const fastifys = code.startsWith('FST_') || (statusCode === 400 && CALLER_GONE.has(code));
  return fastifys ? statusCode : undefined;
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!;
}
