import type { LoggerService } from '@nestjs/common';
import { createLog } from '@assay/observability';

const log = createLog('nest', ['framework_error', 'framework_warning', 'framework_message']);

/** What Nest itself says, in our form. Its chatter at start is of level debug. */
export class NestLog implements LoggerService {
  log(message: unknown, ...rest: unknown[]): void {
    log.debug('framework_message', fieldsOf(message, rest));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    log.debug('framework_message', fieldsOf(message, rest));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    log.debug('framework_message', fieldsOf(message, rest));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    log.warn('framework_warning', fieldsOf(message, rest));
  }

  error(message: unknown, ...rest: unknown[]): void {
    log.error('framework_error', fieldsOf(message, rest), message instanceof Error ? message : undefined);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}

function fieldsOf(message: unknown, rest: unknown[]): Record<string, unknown> {
  return {
    message: message instanceof Error ? message.message : message,
    context: rest.at(-1),
    ...(rest.length > 1 && { stack: rest[0] }),
  };
}
