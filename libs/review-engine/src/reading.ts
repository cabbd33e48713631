import { DEFAULT_ALIASES } from './aliases.js';
import type { Report } from './policy-fault.js';

export const READINGS = ['lenient', 'strict'] as const;
export type ReadingName = (typeof READINGS)[number];
export const TRUNCATED = ['reject', 'keep_complete'] as const;

/** Words that stand for words of a closed vocabulary, by field: `{"category": {"bug": "correctness"}}`. */
export type Aliases = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** How a source's review results are read (VAL-15, VAL-16, VAL-18). */
export interface ReadingSettings {
  reading: ReadingName;
  /** What becomes of an answer that was cut off; `strict` rejects it whatever stands here. */
  truncated: (typeof TRUNCATED)[number];
  aliases: Aliases;
}

export const DEFAULT_READING: ReadingSettings = { reading: 'lenient', truncated: 'reject', aliases: DEFAULT_ALIASES };

/** How all results are read, and what differs for a source (VAL-15): what `ASSAY_REVIEW_POLICY_FILE` holds. */
export interface ReadingsSettings extends ReadingSettings {
  sources?: Readonly<Record<string, Partial<ReadingSettings>>>;
}

/** What a policy says about the reading, by name. */
export const READING_SETTINGS: ReadonlySet<string> = new Set([...Object.keys(DEFAULT_READING), 'sources']);

/** By field, the words that a finding may hold there. */
export type Vocabularies = ReadonlyMap<string, ReadonlySet<string>>;

/** Compiled {@link ReadingSettings}. */
export interface Reading {
  readonly name: ReadingName;
  readonly lenient: boolean;
  readonly truncated: ReadingSettings['truncated'];
  /** By field, then by word in lower case. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function compileReading({ reading, truncated, aliases }: ReadingSettings): Reading {
  const byField = Object.entries(aliases).map(
    ([field, words]) =>
      [field, new Map(Object.entries(words).map(([word, meant]) => [asciiLowerCase(word.trim()), meant]))] as const,
  );
  return { name: reading, lenient: reading === 'lenient', truncated, aliases: new Map(byField) };
}

/** A reading as settings again, for people: aliases by the words as they are compared. */
export function readingSettings({ name, truncated, aliases }: Reading): ReadingSettings {
  const words = [...aliases].map(([field, known]) => [field, Object.fromEntries(known)] as const);
  return { reading: name, truncated, aliases: Object.fromEntries(words) };
}

/** ASCII letters alone: `İ` and the Kelvin sign are no letters of a vocabulary. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * The reading of each source. Says what is wrong with the settings; what it returns then is not to be used.
 *
 * @param vocabularies of the contracts that are taken: an alias for another word would never be read.
 */
export function compileReadings(
  { reading, truncated, aliases, sources = {} }: ReadingsSettings,
  vocabularies: Vocabularies,
  report: Report,
): (source: string | null) => Reading {
  const common = { reading, truncated, aliases };
  let sound = checkReading(common, [], vocabularies, report);
  const named = isRecord(sources) ? Object.entries(sources) : [];
  if (!isRecord(sources)) {
    report(['sources'], 'must be an object of sources');
    sound = false;
  }
  for (const [source, own] of named) sound = checkSource(own, ['sources', source], vocabularies, report) && sound;
  if (!sound) return () => compileReading(DEFAULT_READING);
  const byDefault = compileReading(common);
  const bySource = new Map(named.map(([source, own]) => [source, compileReading({ ...common, ...own })]));
  return (source) => (source === null ? undefined : bySource.get(source)) ?? byDefault;
}

function checkSource(own: unknown, path: readonly string[], vocabularies: Vocabularies, report: Report): boolean {
  if (!isRecord(own)) {
    report(path, 'must be an object of settings');
    return false;
  }
  const unknown = Object.keys(own).filter((member) => !Object.hasOwn(DEFAULT_READING, member));
  for (const member of unknown) report([...path, member], 'is not a setting of a source');
  return checkReading(own, path, vocabularies, report) && unknown.length === 0;
}

function checkReading(
  settings: Partial<ReadingSettings>,
  path: readonly string[],
  vocabularies: Vocabularies,
  report: Report,
): boolean {
  let sound = true;
  const fault: Fault = (at, detail) => {
    sound = false;
    report([...path, ...at], detail);
  };
  const { reading, truncated, aliases } = settings;
  if (reading !== undefined && !READINGS.includes(reading)) fault(['reading'], 'must be lenient or strict');
  if (truncated !== undefined && !TRUNCATED.includes(truncated)) {
    fault(['truncated'], 'must be reject or keep_complete');
  }
  // The table that ships fits the contracts that ship; others may lack some of its words.
  if (aliases !== undefined && aliases !== DEFAULT_ALIASES) checkAliases(aliases, vocabularies, fault);
  return sound;
}

type Fault = (at: readonly string[], detail: string) => void;

function checkAliases(aliases: unknown, vocabularies: Vocabularies, fault: Fault): void {
  if (!isRecord(aliases)) {
    fault(['aliases'], 'must be an object of fields');
    return;
  }
  for (const [field, words] of Object.entries(aliases)) {
    const vocabulary = vocabularies.get(field);
    const fields = [...vocabularies.keys()].join(', ');
    if (vocabulary === undefined) fault(['aliases', field], `is not a field with a closed list of words (${fields})`);
    else if (!isRecord(words)) fault(['aliases', field], 'must be an object of words');
    else {
      for (const [word, meant] of Object.entries(words)) {
        if (typeof meant === 'string' && vocabulary.has(meant)) continue;
        fault(['aliases', field, word], `must be one of ${[...vocabulary].join(', ')}`);
      }
    }
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
