import type { IHeaders } from 'kafkajs';

/** Second argument of an `@EventPattern`. */
export interface PatternExtras {
  /** Records for which it answers false are passed over by their headers: neither decoded nor held against the schema. */
  wants?: (headers: IHeaders | undefined) => boolean;
}

/**
 * Of a topic whose subjects mostly end in their first generation, the rest. The generation stands in the `ce_id`,
 * `subject:generation:revision:type`; a record without one is decoded, and parked as what it is (DLQ-4).
 */
export const ONLY_REPLAYED: PatternExtras = {
  wants: (headers) => headers?.['ce_id']?.toString().split(':').at(-3) !== '0',
};
