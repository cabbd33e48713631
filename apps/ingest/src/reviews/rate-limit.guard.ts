import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { counter } from '@assay/observability';
import type { AuthenticatedRequest } from '@assay/security';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';

const refusals = counter('assay_rate_limited_total', 'Submissions refused because their source sends too many');

/**
 * So many submissions a second for each source (ING-10), counted per replica: a source's whole rate is the setting times
 * the replicas that it reaches. A guard, so that it runs after authentication and before the body is judged (ING-3).
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  readonly #limiter: RateLimiterMemory;

  constructor(@Inject(INGEST_CONFIG) config: IngestConfig) {
    this.#limiter = new RateLimiterMemory({ points: config.rate_limit_per_s, duration: 1 });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    try {
      await this.#limiter.consume(principal?.source ?? 'unknown');
      return true;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      refusals.add(1);
      const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new Problem('rate_limited', { headers: { 'retry-after': String(seconds) } });
    }
  }
}
