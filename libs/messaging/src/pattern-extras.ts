import type { IHeaders } from 'kafkajs';

/** Second argument of an `@EventPattern`. */
export interface PatternExtras {
  /** Records for which it answers false are passed over by their headers: neither decoded nor held against the schema. */
  wants?: (headers: IHeaders | undefined) => boolean;
}

/**
 * Of a topic whose subjects mostly end at once, what came after that: of a later generation or under a higher revision.
 * Both stand in the `ce_id`, `subject:generation:revision:type`; a record without one is decoded, and parked as what it
 * is (DLQ-4).
 */
export function beyond(usual: { generation: number; revision: number }): PatternExtras {
  return {
    wants: (headers) => {
      const [generation, revision] = (headers?.['ce_id']?.toString().split(':').slice(-3) ?? []).map(Number);
      return !(generation! <= usual.generation && revision! <= usual.revision);
    },
  };
}
