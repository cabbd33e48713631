import { Controller, Get, Header, HttpStatus, Inject, Res } from '@nestjs/common';
import { METRICS_CONTENT_TYPE, renderMetrics } from '@assay/observability';
import { Public } from '@assay/security';
import type { FastifyReply } from 'fastify';
import { Liveness, Readiness } from './health.js';

/** What an orchestrator and a metrics collector ask of every service. Says nothing that a stranger may not read. */
@Public()
@Controller()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Liveness) private readonly liveness: Liveness,
  ) {}

  /** Whether the process makes progress. */
  @Get('livez')
  livez(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = this.liveness.report();
    void reply.status(report.ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }

  /** Whether the process can do its work. */
  @Get('readyz')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    const report = await this.readiness.report();
    void reply.status(report.ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
    return report;
  }

  /** Metrics as Prometheus text. */
  @Get('metrics')
  @Header('content-type', METRICS_CONTENT_TYPE)
  metrics(): Promise<string> {
    return renderMetrics();
  }
}
