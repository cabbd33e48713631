import type { Providers } from '../providers/index.js';
import type { DeliveryToQueue } from './delivery-items.js';
import type { Schedule } from './schedule.js';

/** The schedule of each recipient: the settings', with what of it its destination has for itself (DEL-16). */
export class Schedules {
  constructor(
    private readonly providers: Pick<Providers, 'rulesOf'>,
    private readonly settings: Schedule,
  ) {}

  of(recipient: Pick<DeliveryToQueue, 'channel' | 'address'>): Schedule {
    return { ...this.settings, ...this.providers.rulesOf(recipient).schedule };
  }
}
