import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Database } from '@assay/postgres';
import { Liveness, Shutdown } from '@assay/service';
import { EVENT_PUBLISHER } from './publisher.js';
import type { EventPublisher } from './publisher.js';
import { WorkQueue } from './work-queue.js';
import type { WorkQueueOptions } from './work-queue.js';

export interface WorkQueueModuleOptions {
  /** `instance` names this process in `claimed_by`. */
  settings: Omit<WorkQueueOptions, 'owner'> & { instance: string };
}

/** Provides the service's one {@link WorkQueue}; handlers register with it before the application has started. */
@Module({})
export class WorkQueueModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(Shutdown) shutdown: Shutdown,
  ) {
    shutdown.signal.addEventListener('abort', () => queue.claimNoMore(), { once: true });
  }

  static register({ settings }: WorkQueueModuleOptions): DynamicModule {
    return {
      module: WorkQueueModule,
      global: true,
      providers: [
        {
          provide: WorkQueue,
          inject: [Database, EVENT_PUBLISHER, Liveness],
          useFactory: (database: Database, publisher: EventPublisher, liveness: Liveness) =>
            new WorkQueue(database, publisher, { ...settings, owner: settings.instance }, liveness),
        },
      ],
      exports: [WorkQueue],
    };
  }

  onApplicationBootstrap(): void {
    this.queue.start();
  }

  /** After the consumers, before the publisher and the pool (OPS-1). */
  async onModuleDestroy(): Promise<void> {
    await this.queue.stop();
  }
}
