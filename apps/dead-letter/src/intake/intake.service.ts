import { Inject, Injectable } from '@nestjs/common';
import { counter } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { v7 } from 'uuid';
import { byAge, ChangesService, isNewer, subjectKey } from '../letters/index.js';
import type { Announcement, DeadLetter, Subject, Transition, Version } from '../letters/index.js';
import { IntakeRepository } from './intake.repository.js';
import { failAgain, letterOf, openingOf, settle } from './judge.js';
import type { FailureNews, SettlementNews } from './news.js';

const ignored = counter('assay_dead_letter_news_ignored_total', 'Failures that were redelivered or older than known.');

/** Turns the news of the other services into dead letters; any order, any number of times (GEN-2, GEN-9). */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(IntakeRepository) private readonly repository: IntakeRepository,
    @Inject(ChangesService) private readonly changes: ChangesService,
  ) {}

  /** One dead letter per subject, brought up to date by each failure that is news. */
  async fail(batch: readonly FailureNews[]): Promise<void> {
    const news = [...batch].sort(byAge);
    this.changes.announce(await this.database.transaction((tx) => this.#store(tx, news)));
  }

  /** Resolves the dead letters of what has ended well, and remembers it for those that are still on their way. */
  async settle(batch: readonly SettlementNews[]): Promise<void> {
    const open = await this.repository.openAmong(batch);
    const relevant = newestBySubject(batch.filter((news) => news.remember || open.has(subjectKey(news))));
    if (relevant.length === 0) return;
    this.changes.announce(await this.database.transaction((tx) => this.#resolve(tx, relevant)));
  }

  async #store(tx: Tx, news: readonly FailureNews[]): Promise<Announcement> {
    await this.repository.lockSubjects(tx, news);
    const letters = await this.#lettersOf(tx, news);
    const settled = await this.repository.settlementsOf(tx, news);
    const changed = new Set<DeadLetter>();
    const transitions: Transition[] = [];
    for (const one of news) {
      const letter = letters.get(subjectKey(one))!;
      const steps = letter.changes === 0 ? [openingOf(letter)] : failAgain(letter, one);
      if (steps === null) {
        ignored.add(1);
        continue;
      }
      changed.add(letter);
      transitions.push(...steps);
    }
    for (const letter of changed) {
      const settlement = settled.get(subjectKey(letter));
      if (settlement) transitions.push(...settle(letter, settlement));
    }
    return this.changes.store(tx, [...changed], transitions);
  }

  /** The subjects' dead letters, locked; those of new subjects are inserted, with no transition yet. */
  async #lettersOf(tx: Tx, news: readonly FailureNews[]): Promise<Map<string, DeadLetter>> {
    const fresh = new Map<string, DeadLetter>();
    for (const one of news) if (!fresh.has(subjectKey(one))) fresh.set(subjectKey(one), letterOf(one, v7()));
    const inserted = await this.repository.insertNew(tx, [...fresh.values()]);
    const known = await this.repository.lockLetters(
      tx,
      [...fresh.values()].filter(({ id }) => !inserted.has(id)),
    );
    return new Map([...fresh].map(([key, letter]) => [key, known.get(key) ?? letter]));
  }

  async #resolve(tx: Tx, news: readonly SettlementNews[]): Promise<Announcement> {
    await this.repository.lockSubjects(tx, news);
    await this.repository.remember(
      tx,
      news.filter(({ remember }) => remember),
    );
    await this.repository.forget(tx);
    const letters = await this.repository.lockLetters(tx, news);
    const transitions = news.flatMap((one) => {
      const letter = letters.get(subjectKey(one));
      return letter ? settle(letter, one) : [];
    });
    return this.changes.store(
      tx,
      transitions.map(({ letter }) => letter),
      transitions,
    );
  }
}

function newestBySubject<T extends Subject & Version>(batch: readonly T[]): T[] {
  const newest = new Map<string, T>();
  for (const one of batch) {
    const key = subjectKey(one);
    const known = newest.get(key);
    if (!known || isNewer(one, known)) newest.set(key, one);
  }
  return [...newest.values()];
}
