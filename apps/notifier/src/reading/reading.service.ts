import { Inject, Injectable } from '@nestjs/common';
import { Problem, UUID } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { actorOf, maskedAddress, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { DeliveriesViewRepository } from './deliveries-view.repository.js';
import type { ListedDelivery, StoredDelivery } from './deliveries-view.repository.js';
import { decodeCursor, encodeCursor, filterOf } from './delivery-queries.js';
import type { DeliveryListQuery } from './delivery-queries.js';

const log = createLog('notifier.reading', ['deliveries_read']);

const DEFAULT_LIMIT = 50;

export interface DeliverySummary extends ListedDelivery {
  /** What circuits, limits and dead letters name: `smtp`, `webhook:<endpoint>`. */
  destination: string;
}

export interface DeliveryView extends StoredDelivery {
  destination: string;
}

/** A page of a list; `next_cursor` is null on the last. One before that may hold fewer than were asked for, or none. */
export interface DeliveryPage {
  items: DeliverySummary[];
  next_cursor: string | null;
}

/** Who was told, when, under which id, and what the receiver said; each look is written down. */
@Injectable()
export class ReadingService {
  constructor(
    @Inject(DeliveriesViewRepository) private readonly views: DeliveriesViewRepository,
    @Inject(PROVIDERS) private readonly providers: Providers,
  ) {}

  async list(query: DeliveryListQuery, principal: Principal): Promise<DeliveryPage> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const filter = filterOf(query, sourcesOf(principal));
    const before = decodeCursor(query.cursor);
    const rows = await this.views.list(filter, { before, limit: limit + 1 });
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1)!.id : await this.views.lastLookedAt(filter, before);
    noteRead(principal, items);
    return {
      items: items.map((row) => this.#shown(row, principal)),
      next_cursor: last === null ? null : encodeCursor(last),
    };
  }

  /** Another source's delivery is answered as if it were not there (GEN-8). */
  async get(id: string, principal: Principal): Promise<DeliveryView> {
    const found = UUID.test(id) ? await this.views.get(id, sourcesOf(principal)) : undefined;
    if (!found) throw new Problem('not_found');
    noteRead(principal, [found]);
    return this.#shown(found, principal);
  }

  /** Operators see where they send to; who only reads sees that there is an address (SEC-4). */
  #shown<T extends ListedDelivery>(row: T, principal: Principal): T & { destination: string } {
    const { channel, address } = row;
    const destination = this.providers.of(row)?.destinationOf(address)?.name ?? channel;
    return { ...row, address: seesAddresses(principal) ? address : maskedAddress(address), destination };
  }
}

function seesAddresses({ role }: Principal): boolean {
  return role === 'operator';
}

/** Before the first byte leaves. By ids: an address in the log would be one more place to keep. */
function noteRead(principal: Principal, read: readonly ListedDelivery[]): void {
  if (read.length === 0) return;
  const { role } = principal;
  const delivery_ids = read.map(({ id }) => id);
  log.info('deliveries_read', {
    actor: actorOf(principal),
    role,
    addresses_shown: seesAddresses(principal),
    delivery_ids,
  });
}
