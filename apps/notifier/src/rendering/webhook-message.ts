import { createHash } from 'node:crypto';
import type { Finding } from '@assay/contracts';
import { largestThatFits } from './compact.js';
import type { Payload } from './payload.js';
import type { RenderingInput } from './rendering-input.js';

export interface WebhookPayload extends Payload {
  body: Buffer;
}

/** The event type that receivers of the webhook read. */
export const WEBHOOK_EVENT_TYPE = 'review.findings';

/**
 * The body of the webhook, in the shape that Standard Webhooks recommends: `type`, `timestamp`, `data` (DEL-12).
 * JSON carries every string as data, so there is nothing else to escape.
 */
export function renderWebhook(input: RenderingInput): WebhookPayload {
  return bodyWith(input, { findings: input.findings });
}

/** Counts, the worst findings that fit, and links to all (DEL-16). */
export function renderCompactWebhook(input: RenderingInput, max_bytes: number): WebhookPayload {
  const all = input.findings.length;
  return largestThatFits(input, max_bytes, (findings) =>
    bodyWith(
      { ...input, summary: null, lines_defaulted: [] },
      { findings, compact: true, left_out: all - findings.length },
    ),
  );
}

interface Shown {
  findings: readonly Finding[];
  compact?: true;
  /** Findings that are kept and not shown. */
  left_out?: number;
}

function bodyWith(input: RenderingInput, shown: Shown): WebhookPayload {
  const body = Buffer.from(
    JSON.stringify({
      type: WEBHOOK_EVENT_TYPE,
      timestamp: input.occurred_at,
      data: {
        job_id: input.job_id,
        source: input.source,
        changelist_id: input.changelist_id,
        review_version: input.review_version,
        generation: input.generation,
        schema_version: input.schema_version,
        prompt_version: input.prompt_version,
        summary: input.summary,
        counts: input.counts,
        reading: input.reading,
        // Beside the findings, so that none of them never looks like a clean review (DEL-18).
        unusable: input.counts.dropped,
        // What the endpoint asks for, and how many findings that left out (DEL-16).
        filter: input.filter,
        withheld: input.withheld,
        truncated: input.truncated,
        lines_defaulted: input.lines_defaulted,
        ...shown,
        links: input.links,
      },
    }),
  );
  return { body, bytes: body.length, hash: createHash('sha256').update(body).digest('hex') };
}
