import { resolveSecret, SECRET_SHAPES } from '@assay/security';
import type { SecretCheck } from '@assay/security';

/** One setting: where it is read, what it means, what it may be. The configuration page is made from these. */
export interface Setting<T> {
  readonly env: string;
  readonly doc: string;
  /** `text`, `integer`, `duration_ms`, `flag`, `one_of`, `secret_ref`, `file`, `list`, `document`. */
  readonly kind: string;
  /** Undefined: the setting is required. Null: it may be left out. */
  readonly default?: T | null;
  /** What may be given, for the page: a range, the values. */
  readonly allowed?: string;
  /** Throws `Error` whose message says what is expected; it never repeats a value that may be secret. */
  readonly parse: (text: string, env: NodeJS.ProcessEnv) => T;
  /** The references to secrets that `parse` resolves, so that they can be fetched before; never throws. */
  readonly references?: (text: string) => readonly string[];
}

export type Settings = Record<string, Setting<unknown>>;
export type Values<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

interface Common<D> {
  env: string;
  doc: string;
  default?: D;
}
/** What a default of null adds to a setting's type. */
type Or<T, D> = D extends null ? T | null : T;

function setting<T, D>(
  kind: string,
  { env, doc, default: fallback }: Common<D>,
  parse: (text: string, env: NodeJS.ProcessEnv) => T,
  allowed?: string,
): Setting<Or<T, D>> {
  return { env, doc, kind, default: fallback, allowed, parse } as unknown as Setting<Or<T, D>>;
}

export function text<D extends string | null = string>(
  options: Common<D> & { pattern?: RegExp },
): Setting<Or<string, D>> {
  const { pattern } = options;
  return setting<string, D>(
    'text',
    options,
    (value) => {
      if (pattern && !pattern.test(value)) throw new Error(`must match ${pattern.source}`);
      return value;
    },
    pattern && `matches \`${pattern.source}\``,
  );
}

interface Range {
  min?: number;
  max?: number;
}

function wholeNumber({ min = 0, max = Number.MAX_SAFE_INTEGER }: Range): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < min || number > max) {
      throw new Error(`must be a whole number ${rangeText({ min, max })}`);
    }
    return number;
  };
}

function rangeText({ min = 0, max = Number.MAX_SAFE_INTEGER }: Range): string {
  return max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
}

/** `min` is 0 unless given. */
export function integer<D extends number | null = number>(options: Common<D> & Range): Setting<Or<number, D>> {
  return setting<number, D>('integer', options, wholeNumber(options), rangeText(options));
}

/** Milliseconds; the variable's name says so. */
export function durationMs<D extends number | null = number>(options: Common<D> & Range): Setting<Or<number, D>> {
  return setting<number, D>('duration_ms', options, wholeNumber(options), rangeText(options));
}

/** A share: from 0 to 1, or less where `min` and `max` say so. */
export function ratio<D extends number | null = number>(options: Common<D> & Range): Setting<Or<number, D>> {
  const { min = 0, max = 1 } = options;
  return setting<number, D>(
    'ratio',
    options,
    (value) => {
      const number = Number(value);
      if (!/^\d(\.\d+)?$/.test(value) || number < min || number > max) {
        throw new Error(`must be a number from ${min} to ${max}`);
      }
      return number;
    },
    `from ${min} to ${max}`,
  );
}

export function flag<D extends boolean | null = boolean>(options: Common<D>): Setting<Or<boolean, D>> {
  return setting<boolean, D>(
    'flag',
    options,
    (value) => {
      if (value !== 'true' && value !== 'false') throw new Error('must be true or false');
      return value === 'true';
    },
    'true, false',
  );
}

export function oneOf<const T extends string, D extends T | null = T>(
  options: Common<D> & { values: readonly T[] },
): Setting<Or<T, D>> {
  const { values } = options;
  return setting<T, D>(
    'one_of',
    options,
    (value) => {
      if (!values.includes(value as T)) throw new Error(`must be one of ${values.join(', ')}`);
      return value as T;
    },
    values.join(', '),
  );
}

/** Comma-separated; no empty entries. */
export function list<D extends readonly string[] | null = readonly string[]>(
  options: Common<D> & { min?: number },
): Setting<Or<string[], D>> {
  return setting<string[], D>('list', options, (value) => {
    const entries = value.split(',').map((entry) => entry.trim());
    if (entries.includes('') || entries.length < (options.min ?? 1)) {
      throw new Error('must be a comma-separated list without empty entries');
    }
    return entries;
  });
}

/**
 * A reference to a secret (SEC-3), resolved at start, so that a missing one, or one that `check` refuses, is a fault of
 * the configuration.
 */
export function secretRef<D extends null | undefined = undefined>(options: Common<D> & { check?: SecretCheck }) {
  const { check } = options;
  const shapes = SECRET_SHAPES.map((shape) => `\`${shape}\``).join(', ');
  const read = setting('secret_ref', options, (value, env) => resolveSecret(value, env, check), shapes);
  return { ...read, references: (value: string) => [value] };
}
