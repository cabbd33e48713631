import { DEFAULT_ALIASES } from './aliases.js';

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

/** What a policy says about the reading, by name. */
export const READING_SETTINGS: ReadonlySet<string> = new Set([...Object.keys(DEFAULT_READING), 'sources']);

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

/** Adds what is wrong with settings of a reading; `name` says whose they are. */
export function checkReading(settings: Partial<ReadingSettings>, name: string, faults: string[]): void {
  const { reading, truncated, aliases } = settings;
  if (reading !== undefined && !READINGS.includes(reading)) faults.push(`${name}reading must be lenient or strict`);
  if (truncated !== undefined && !TRUNCATED.includes(truncated)) {
    faults.push(`${name}truncated must be reject or keep_complete`);
  }
  if (aliases !== undefined) checkAliases(aliases, name, faults);
}

function checkAliases(aliases: unknown, name: string, faults: string[]): void {
  if (!isRecord(aliases)) {
    faults.push(`${name}aliases must be an object of fields`);
    return;
  }
  for (const [field, words] of Object.entries(aliases)) {
    const texts = isRecord(words) && Object.values(words).every((meant) => typeof meant === 'string');
    if (!texts) faults.push(`${name}aliases.${field} must be an object of words`);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
