import { durationMs, integer } from '@assay/service';

/** How replay plans are bounded; spread into the settings of the service. */
export const REPLAY_SETTINGS = {
  replay_plan_items: integer({
    env: 'ASSAY_REPLAY_PLAN_ITEMS',
    doc: 'Dead letters that one replay plan may hold (DLQ-8).',
    default: 1_000,
    min: 1,
    max: 10_000,
  }),
  replay_items_per_second: integer({
    env: 'ASSAY_REPLAY_ITEMS_PER_SECOND',
    doc: 'How fast the items of a plan are asked for, unless the plan says otherwise.',
    default: 5,
    min: 1,
    max: 100,
  }),
  replay_max_generations: integer({
    env: 'ASSAY_REPLAY_MAX_GENERATIONS',
    doc: 'A job that has been replayed this often is not replayed again (DLQ-9).',
    default: 5,
    min: 1,
    max: 1_000,
  }),
  replay_timeout_ms: durationMs({
    env: 'ASSAY_REPLAY_TIMEOUT_MS',
    doc: 'A replay without a word for longer is waited for no more, and its dead letter stands open again (DLQ-5). More than a delivery may take (about 27 hours with the defaults) and an outage of a weekend, so that 3 days are the default.',
    default: 259_200_000,
    min: 100,
  }),
};

export interface ReplaySettings {
  replay_plan_items: number;
  replay_items_per_second: number;
  replay_max_generations: number;
  replay_timeout_ms: number;
}

/** Nest token. */
export const REPLAY_CONFIG = Symbol('ReplayConfig');
