import { Inject, Injectable } from '@nestjs/common';
import type { Channel } from '@assay/contracts';
import type { NewItem } from '@assay/work-queue';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { DELIVERY_SETTINGS } from './delivery.settings.js';
import type { DeliverySettings } from './delivery.types.js';
import { Schedules } from './schedules.js';

export const DELIVER_QUEUE = 'deliver';

/** What of a delivery its item is made from. */
export interface DeliveryToQueue {
  id: string;
  source: string;
  channel: Channel;
  address: string;
  generation: number;
  priority: number;
  correlation_id: string;
  traceparent: string | null;
  /** Since its generation's first attempt or, before it, since it was put to work; default 0. */
  waits_ms?: number;
}

/** The items of deliveries: each in its destination's lane, which no open circuit holds back once its time is over. */
@Injectable()
export class DeliveryItems {
  readonly #schedules: Schedules;

  constructor(
    @Inject(PROVIDERS) private readonly providers: Providers,
    @Inject(DELIVERY_SETTINGS) settings: DeliverySettings,
  ) {
    this.#schedules = new Schedules(providers, settings);
  }

  of(delivery: DeliveryToQueue): NewItem {
    const { id: subject_id, source, generation, priority, correlation_id, traceparent, waits_ms = 0 } = delivery;
    return {
      ...{ queue: DELIVER_QUEUE, lane: this.laneOf(delivery), source, subject_id, generation, priority },
      ...{ phase: 'work', correlation_id, traceparent },
      overdue_in_ms: Math.max(0, this.#schedules.of(delivery).give_up_after_ms - waits_ms),
    };
  }

  /** Of an address that nobody can be reached at, the channel's own: its rows end at their first claim (DEL-6). */
  laneOf(of: Pick<DeliveryToQueue, 'channel' | 'address'>): string {
    return this.providers.of(of)?.destinationOf(of.address)?.lane ?? of.channel;
  }
}
