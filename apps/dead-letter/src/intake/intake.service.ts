import { Inject, Injectable } from '@nestjs/common';
import { counter } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { v7 } from 'uuid';
import { byAge, ChangesService, isNewer, subjectKey } from '../letters/index.js';
import type { Announcement, DeadLetter, Subject, Transition, Version } from '../letters/index.js';
import { failEarlier, VerificationService } from '../replay/index.js';
import type { ReplayMoves, ReplayUnderWay } from '../replay/index.js';
import { IntakeRepository } from './intake.repository.js';
import { failAgain, letterOf, openingOf, settle } from './judge.js';
import type { FailureNews, SettlementNews } from './news.js';

const ignored = counter('assay_dead_letter_news_ignored_total', 'Failures that were redelivered or older than known.');

/** What a batch has changed; to be told after the commit. */
interface Stored {
  announcement: Announcement;
  replays: ReplayMoves;
}

/** Turns the news of the other services into dead letters; any order, any number of times (GEN-2, GEN-9). */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(IntakeRepository) private readonly repository: IntakeRepository,
    @Inject(ChangesService) private readonly changes: ChangesService,
    @Inject(VerificationService) private readonly verification: VerificationService,
  ) {}

  /** One dead letter per subject, brought up to date by each failure that is news. */
  async fail(batch: readonly FailureNews[]): Promise<void> {
    const news = [...batch].sort(byAge);
    this.#announce(await this.database.transaction((tx) => this.#store(tx, news)));
  }

  /** Resolves the dead letters of what has ended well, and remembers it for those that are still on their way. */
  async settle(batch: readonly SettlementNews[]): Promise<void> {
    const open = await this.repository.openAmong(batch);
    const relevant = newestBySubject(batch.filter((news) => news.remember || open.has(subjectKey(news))));
    if (relevant.length === 0) return;
    this.#announce(await this.database.transaction((tx) => this.#resolve(tx, relevant)));
  }

  #announce({ announcement, replays }: Stored): void {
    this.changes.announce(announcement);
    this.verification.report(replays);
  }

  async #store(tx: Tx, news: readonly FailureNews[]): Promise<Stored> {
    // A job that fails at an earlier stage ends the replay of its deliveries, whose dead letters are others.
    const awaiting = await this.verification.awaiting(tx, news);
    await this.repository.lockSubjects(tx, [...news, ...awaiting]);
    const letters = await this.#lettersOf(tx, news, awaiting);
    const replays = await this.verification.underWay(tx, letters.values());
    const settled = await this.repository.settlementsOf(tx, news);
    const changed = new Set<DeadLetter>();
    const transitions: Transition[] = [];
    for (const one of news) {
      const letter = letters.get(subjectKey(one))!;
      const steps = letter.changes === 0 ? [openingOf(letter)] : failAgain(letter, one, replays.get(letter.id));
      if (steps === null) {
        tx.afterCommit(() => ignored.add(1));
        continue;
      }
      changed.add(letter);
      transitions.push(...steps, ...failLater(one, awaiting, letters, replays));
    }
    for (const letter of changed) {
      const settlement = settled.get(subjectKey(letter));
      if (settlement) transitions.push(...settle(letter, settlement));
    }
    for (const { letter } of transitions) changed.add(letter);
    return this.#changed(tx, [...changed], transitions, [...news, ...settled.values()]);
  }

  async #changed(
    tx: Tx,
    letters: readonly DeadLetter[],
    transitions: readonly Transition[],
    news: readonly Pick<Version, 'job_id' | 'generation'>[],
  ): Promise<Stored> {
    const announcement = await this.changes.store(tx, letters, transitions);
    const newest = new Map<string | null, number>();
    for (const { job_id, generation } of news) newest.set(job_id, Math.max(generation, newest.get(job_id) ?? 0));
    const generations = new Map(letters.map(({ id, job_id }) => [id, newest.get(job_id) ?? 0]));
    return { announcement, replays: await this.verification.follow(tx, transitions, generations) };
  }

  /** The subjects' dead letters, locked; those of new subjects are inserted, with no transition yet. */
  async #lettersOf(tx: Tx, news: readonly FailureNews[], others: readonly Subject[]): Promise<Map<string, DeadLetter>> {
    const fresh = new Map<string, DeadLetter>();
    for (const one of news) if (!fresh.has(subjectKey(one))) fresh.set(subjectKey(one), letterOf(one, v7()));
    const inserted = await this.repository.insertNew(tx, [...fresh.values()]);
    const known = await this.repository.lockLetters(tx, [
      ...[...fresh.values()].filter(({ id }) => !inserted.has(id)),
      ...others,
    ]);
    return new Map([...fresh, ...known]);
  }

  async #resolve(tx: Tx, news: readonly SettlementNews[]): Promise<Stored> {
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
    const resolved = transitions.map(({ letter }) => letter);
    return this.#changed(tx, resolved, transitions, news);
  }
}

/** The dead letters of later stages whose replay ends with this failure. */
function failLater(
  failure: FailureNews,
  awaiting: readonly Subject[],
  letters: ReadonlyMap<string, DeadLetter>,
  replays: ReadonlyMap<string, ReplayUnderWay>,
): Transition[] {
  return awaiting.flatMap((subject) => {
    const letter = letters.get(subjectKey(subject));
    return letter ? failEarlier(letter, failure, replays.get(letter.id)) : [];
  });
}

function newestBySubject(batch: readonly SettlementNews[]): SettlementNews[] {
  const newest = new Map<string, SettlementNews>();
  for (const one of batch) {
    const key = subjectKey(one);
    const known = newest.get(key);
    if (!known || isNewer(one, known)) newest.set(key, one);
  }
  return [...newest.values()];
}
