import { hostname } from 'node:os';
import { Inject, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, DynamicModule, OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@assay/postgres';
import { EVENT_PUBLISHER } from './publisher.js';
import type { EventPublisher } from './publisher.js';
import { WorkQueue } from './work-queue.js';
import type { WorkQueueOptions } from './work-queue.js';

export interface WorkQueueModuleOptions {
  settings: Omit<WorkQueueOptions, 'owner'> & { instance?: string };
}

/** Provides the service's one {@link WorkQueue}; handlers register with it before the application has started. */
@Module({})
export class WorkQueueModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(WorkQueue) private readonly queue: WorkQueue) {}

  static register({ settings }: WorkQueueModuleOptions): DynamicModule {
    return {
      module: WorkQueueModule,
      global: true,
      providers: [
        {
          provide: WorkQueue,
          inject: [Database, EVENT_PUBLISHER],
          useFactory: (database: Database, publisher: EventPublisher) =>
            new WorkQueue(database, publisher, {
              ...settings,
              owner: settings.instance || `${hostname()}-${process.pid}`,
            }),
        },
      ],
      exports: [WorkQueue],
    };
  }

  onApplicationBootstrap(): void {
    this.queue.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.queue.stop();
  }
}
