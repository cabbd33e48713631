import { inspect } from 'node:util';

const SHOWN = '[redacted]';

/** A value that no log, error, JSON or inspection shows (SEC-3). Only `reveal()` gives it, where it is used. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}

/** Editors, `kubectl create secret` and `vault kv put` leave a newline at the end, which is no part of it. Null: nothing is left. */
export function secretWithoutNewline(text: string): Secret | null {
  const value = text.replace(/\r?\n$/, '');
  return value === '' ? null : new Secret(value);
}
