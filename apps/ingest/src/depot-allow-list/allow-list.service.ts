import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { createLog } from '@assay/observability';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { AllowListRepository } from './allow-list.repository.js';
import type { AllowListChange } from './allow-list.repository.js';

const log = createLog('ingest.allow_list', ['allow_list_changed']);
const HISTORY_LIMIT = 100;

/** The list in force (SEC-1) and its history (SEC-2). The file is read at start: a change takes a restart. */
@Injectable()
export class AllowListService implements OnApplicationBootstrap {
  constructor(
    @Inject(AllowListRepository) private readonly repository: AllowListRepository,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { list, changed_by } = this.config.allow_list;
    if (await this.repository.record(this.config.allow_list)) {
      log.info('allow_list_changed', { hash: list.hash, entries: list.entries.length, changed_by });
    }
  }

  current(): { hash: string; changed_by: string; entries: unknown[] } {
    const { list, changed_by } = this.config.allow_list;
    return { hash: list.hash, changed_by, entries: [...list.entries] };
  }

  async history(): Promise<{ items: AllowListChange[] }> {
    return { items: await this.repository.history(HISTORY_LIMIT) };
  }
}
