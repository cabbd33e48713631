import { Failure } from '@assay/contracts';
import { databaseFrom } from '@assay/postgres';
import type { PostgresModuleOptions } from '@assay/postgres';
import { Liveness } from '@assay/service';
import { WorkQueue } from '@assay/work-queue';
import type { EventPublisher, WorkQueueOptions } from '@assay/work-queue';
import { DeliveryItems, DeliveryRepository } from '../delivery/index.js';
import type { DeliverySettings } from '../delivery/index.js';
import { createProviders } from '../providers/index.js';
import type { ProvidersFileAt } from '../providers/index.js';
import { EvidenceChecks } from './evidence-checks.js';
import { Reconciler } from './reconciler.js';
import type { Reconciliation } from './reconciler.js';

type Settings = PostgresModuleOptions['settings'] &
  Omit<WorkQueueOptions, 'owner'> &
  DeliverySettings & { providers: ProvidersFileAt };

/** The command does not speak to Kafka: what it has to tell waits in the table for a replica. */
const LEFT_TO_REPLICAS: EventPublisher = {
  available: false,
  publish: (events) => {
    const failure = new Failure({
      error_class: 'DEPENDENCY_UNAVAILABLE',
      code: 'no_publisher',
      retryable: true,
      message: 'commands do not publish',
    });
    return Promise.resolve(events.map(() => ({ kind: 'unavailable', failure })));
  },
};

/** Reconciles once, outside of a running service (DEL-11). */
export async function reconcileOnce(settings: Settings): Promise<Reconciliation> {
  const database = await databaseFrom({ schema: 'notifier', settings }).open();
  const providers = await createProviders(settings.providers, settings.send_timeout_ms);
  try {
    const queue = new WorkQueue(database, LEFT_TO_REPLICAS, { ...settings, owner: settings.instance });
    const repository = new DeliveryRepository(database);
    const items = new DeliveryItems(providers, settings);
    const parts = [database, queue, items, repository, providers, settings, null] as const;
    await new EvidenceChecks(...parts, new Liveness()).once();
    return await new Reconciler(...parts).once();
  } finally {
    await providers.close();
    await database.close();
  }
}
