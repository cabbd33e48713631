import { readFile } from 'node:fs/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { ProvidersFileError, secretReferencesIn } from '@assay/providers-file';
import { counter, createLog, observableGauge } from '@assay/observability';
import { prepareSecrets } from '@assay/security';
import { CheckFailure, Liveness, PeriodicTask, Readiness } from '@assay/service';
import { createProviderSet, digestOf, PROVIDERS, providersFileOf } from '../providers/index.js';
import type { Providers } from '../providers/index.js';

const log = createLog('notifier.providers_file', ['providers_file_taken', 'providers_file_refused']);
const changes = counter('assay_providers_file_changes_total', 'Changes of the providers file: taken or refused');

/** Nest token of {@link ProvidersReloadOptions}. */
export const PROVIDERS_RELOAD = Symbol('ProvidersReload');

export interface ProvidersReloadOptions {
  path: string;
  /** Of the content that the service started with. */
  digest: string;
  interval_ms: number;
  send_timeout_ms: number;
}

/** What is told of a refused change: entries and codes, which are safe to show, and no value. */
interface Refusal {
  digest: string | null;
  told: string[];
}

const MOST_TOLD = 10;

/**
 * Takes a changed providers file without a restart (DEL-6): a faulty one leaves the old in force and is told in the log, by
 * a metric and in `/readyz`.
 *
 * By what the file holds, looked at again and again, and not by `fs.watch`: a mounted ConfigMap changes by a symlink two
 * levels up, and network file systems send no events. A refused file is judged at each look, for what it refers to may come
 * later than it does.
 */
@Injectable()
export class ProvidersReload implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #task: PeriodicTask;
  readonly #endGauge: () => void;
  #digest: string;
  #refusal: Refusal | null = null;

  constructor(
    @Inject(PROVIDERS) private readonly providers: Providers,
    @Inject(PROVIDERS_RELOAD) private readonly options: ProvidersReloadOptions,
    @Inject(Liveness) liveness: Liveness,
    @Inject(Readiness) readiness: Readiness,
  ) {
    this.#digest = options.digest;
    const run = () => this.look();
    this.#task = new PeriodicTask(liveness, { name: 'providers_file', interval_ms: options.interval_ms, run });
    readiness.register('providers_file', () => this.#assertTaken(), { told_only: true });
    this.#endGauge = observableGauge(
      'assay_providers_file_refused',
      '1 while the providers file has changed and the change cannot be used',
      () => [{ value: this.#refusal === null ? 0 : 1, labels: {} }],
    );
  }

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#endGauge();
    await this.#task.stop();
  }

  /** Looks at the file once; resolves when a change of it is in force or refused. */
  async look(): Promise<void> {
    const { path, send_timeout_ms } = this.options;
    let digest: string | null = null;
    try {
      const content = await readFile(path);
      digest = digestOf(content);
      if (digest === this.#digest) {
        this.#refusal = null;
        return;
      }
      await prepareSecrets(secretReferencesIn(content));
      const { config } = providersFileOf(path, content);
      this.providers.replace(await createProviderSet(config, send_timeout_ms));
    } catch (error) {
      this.#refuse(digest, error);
      return;
    }
    this.#digest = digest;
    this.#refusal = null;
    changes.add(1, { outcome: 'taken' });
    log.info('providers_file_taken', { sha256: digest });
  }

  #refuse(digest: string | null, error: unknown): void {
    const faults = error instanceof ProvidersFileError ? error.faults : null;
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const told = faults?.map((fault) => `${fault.entry ?? (fault.pointer || 'the file')}: ${fault.code}`) ?? [code];
    const known = this.#refusal;
    this.#refusal = { digest, told };
    // Once for each change, and not at each look.
    if (known?.digest === digest && known.told.join() === told.join()) return;
    changes.add(1, { outcome: 'refused' });
    const shown = faults?.slice(0, MOST_TOLD).map(({ pointer, entry, code: named, message }) => {
      return { pointer, entry, code: named, message };
    });
    log.error(
      'providers_file_refused',
      { sha256: digest, faults: shown, count: told.length },
      faults ? undefined : error,
    );
  }

  #assertTaken(): Promise<void> {
    if (this.#refusal === null) return Promise.resolve();
    const { told } = this.#refusal;
    const more = told.length > MOST_TOLD ? [`and ${told.length - MOST_TOLD} more`] : [];
    const detail = [...told.slice(0, MOST_TOLD), ...more].join(', ');
    return Promise.reject(new CheckFailure('providers_file_refused', detail));
  }
}
