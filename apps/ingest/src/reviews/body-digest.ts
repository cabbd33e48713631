import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { recipientKey } from '@assay/contracts';
import { normalizeUnder, pathOf, previousPathOf, readRoot } from '@assay/review-engine';
import type { Submission } from '@assay/submission';

/** Text gathered before it is handed to the hash: calls into OpenSSL cost more than joining strings up to here. */
const FLUSH_CHARACTERS = 64 * 1024;

/**
 * SHA-256 of a JSON value in one canonical form, hashed as UTF-16: members sorted by name, each name and each text led
 * by its length, no white space. Two texts of the same value have the same digest (ING-3).
 *
 * The walk keeps its own stack, because `JSON.parse` takes nesting of any depth while a recursion over its result
 * overflows at some ten thousand levels. Lengths instead of JSON's escapes halve the time (78 to 36 µs for 25 findings),
 * and one long text is only copied; UTF-16 keeps lone surrogates apart, which UTF-8 would all replace by one character.
 */
export function jsonDigest(value: unknown): Buffer {
  const writer = new CanonicalWriter();
  writer.write(value);
  return writer.digest();
}

/**
 * The digest by which a known idempotency key is judged: of what a submission says, however it is written (ING-3).
 * Defaults are filled in; recipients and changed files are sets of normal forms. Of the review result the value counts
 * as it came: text is not the object that it may hold. The key is left out, whether it came in the header or the body.
 */
export function submissionDigest(submission: Submission): Buffer {
  const { idempotency_key: _key, changed_files, recipients, ...rest } = submission;
  const root = readRoot(rest.root);
  // What names no file is told apart as it is written.
  const named = (path: string) => normalizeUnder(path, root, rest.case_insensitive_paths) ?? path;
  const files = new Set(changed_files.map((file) => named(pathOf(file))));
  for (const file of changed_files) {
    const previous = previousPathOf(file);
    // No path has U+0000. Beside its path alone, so that naming that once more changes nothing.
    if (previous !== null) files.add(`${named(pathOf(file))}\0${named(previous)}`);
  }
  return jsonDigest({
    ...rest,
    root,
    changed_files: sorted(files),
    recipients: sorted(recipients.map(recipientKey)),
  });
}

function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort();
}

/** An array or an object half written: `keys` is null for an array. */
interface Open {
  readonly values: unknown[] | Record<string, unknown>;
  readonly keys: string[] | null;
  next: number;
}

class CanonicalWriter {
  readonly #hash: Hash = createHash('sha256');
  readonly #open: Open[] = [];
  #text = '';
  #lastKeys: string[] = [];
  #lastSorted: string[] = [];

  write(value: unknown): void {
    this.#begin(value);
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) this.#step(top);
  }

  digest(): Buffer {
    this.#flush();
    return this.#hash.digest();
  }

  /** Writes as many scalar members as follow each other, up to the next nested value or the end. */
  #step(top: Open): void {
    const { keys, values } = top;
    const length = keys === null ? (values as unknown[]).length : keys.length;
    while (top.next < length) {
      const index = top.next++;
      if (index > 0) this.#text += ',';
      const value = keys === null ? (values as unknown[])[index] : this.#member(values, keys[index]!);
      if (this.#begin(value)) return;
    }
    this.#text += keys === null ? ']' : '}';
    this.#open.pop();
  }

  #member(values: Open['values'], key: string): unknown {
    this.#text += `${key.length}:${key}`;
    return (values as Record<string, unknown>)[key];
  }

  /** Writes a scalar, or opens what is nested and says so. */
  #begin(value: unknown): boolean {
    if (this.#text.length > FLUSH_CHARACTERS) this.#flush();
    if (typeof value !== 'object' || value === null) {
      this.#text += typeof value === 'string' ? `"${value.length}:${value}` : String(value);
      return false;
    }
    const isArray = Array.isArray(value);
    this.#text += isArray ? '[' : '{';
    this.#open.push({
      values: value as Open['values'],
      keys: isArray ? null : this.#sortedKeys(value),
      next: 0,
    });
    return true;
  }

  /** Findings come one like the other: their names are sorted once (45 against 36 µs for 25 findings). */
  #sortedKeys(value: object): string[] {
    const keys = Object.keys(value);
    const same = keys.length === this.#lastKeys.length && keys.every((key, index) => key === this.#lastKeys[index]);
    if (!same) {
      this.#lastKeys = keys;
      this.#lastSorted = keys.toSorted();
    }
    return this.#lastSorted;
  }

  #flush(): void {
    this.#hash.update(this.#text, 'utf16le');
    this.#text = '';
  }
}
