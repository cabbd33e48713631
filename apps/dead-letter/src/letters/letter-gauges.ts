import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { observableGauge } from '@assay/observability';
import type { Observation } from '@assay/observability';
import { Database } from '@assay/postgres';
import { COUNT_OPEN, COUNTED_TO } from './sql/count-open.js';

/** How many dead letters stand in which state (OBS-2). Closed ones are counted by their transitions alone. */
@Injectable()
export class LetterGauges implements OnApplicationBootstrap, OnModuleDestroy {
  /** Series that were reported once: those that have emptied are reported as 0. */
  readonly #reported = new Map<string, Observation>();
  #end: () => void = () => undefined;

  constructor(@Inject(Database) private readonly database: Database) {}

  onApplicationBootstrap(): void {
    this.#end = observableGauge(
      'assay_dead_letters',
      'Dead letters that are not closed, by class and state; 10,000 stands for as many and more.',
      () => this.#read(),
    );
  }

  onModuleDestroy(): void {
    this.#end();
  }

  async #read(): Promise<Observation[]> {
    const rows = await this.database.query<{ error_class: string; state: string; letters: number }>(COUNT_OPEN, [
      COUNTED_TO,
    ]);
    for (const observation of this.#reported.values()) observation.value = 0;
    for (const { error_class, state, letters } of rows) {
      this.#reported.set(`${error_class} ${state}`, { value: letters, labels: { class: error_class, state } });
    }
    return [...this.#reported.values()];
  }
}
