import type { EventType } from '@assay/contracts';

/** What an `@EventPattern` handler may ask beside its events (`@Ctx()`). */
export class BatchContext {
  constructor(
    readonly type: EventType,
    /** `topic[partition]` of every partition that shares this call. */
    readonly partitions: readonly string[],
    /** Aborts when the process is about to stop or the partitions were taken away: finish or give up, soon. */
    readonly signal: AbortSignal,
  ) {}
}
