import { createHash } from 'node:crypto';
import type { ErrorClass } from './failure.js';
import type { Stage } from './states.js';

/**
 * Groups failures of one cause (DLQ-6): the stage, the class, the code, and where it failed when that is a shared
 * thing (an endpoint, a provider), never an id or a person. 16 bytes of SHA-256 as hex.
 */
export function failureFingerprint(cause: {
  stage: Stage;
  error_class: ErrorClass;
  code: string;
  where?: string;
}): string {
  return createHash('sha256')
    .update(JSON.stringify([cause.stage, cause.error_class, cause.code, cause.where ?? null]))
    .digest('hex')
    .slice(0, 32);
}
