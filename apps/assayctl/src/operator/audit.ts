import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CSV_HEAD, csvOf, decodeEntry } from '@assay/audit-log';
import { textOption } from '../inputs.js';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import type { AuditItem, AuditPage, CheckpointAnswer, StoredEntries } from './answers.js';
import { Refused } from './api-client.js';
import type { ApiClient } from './api-client.js';
import { show } from './dead-letters.js';
import { everyPage } from './pages.js';
import type { Subcommand } from './run-operator.js';

const PATH = 'v1/audit';
/** As many entries as an answer may hold. */
const ENTRIES_AT_ONCE = 1_000;
const text = { type: 'string' } as const;

const list: Subcommand = {
  options: { limit: text, cursor: text, all: { type: 'boolean' } },
  positionals: [0, 0],
  async run(given, api, terminal) {
    const query = { limit: textOption(given, 'limit'), cursor: textOption(given, 'cursor') };
    const page: AuditPage = given.values['all']
      ? await everyPage<AuditItem>(api, { path: PATH, query, what: 'entries' }, terminal)
      : await api.get<AuditPage>(PATH, query);
    const headings = ['index', 'when', 'action', 'who', 'role', 'about', 'why'];
    const more = page.next_cursor === null ? '' : `more: --cursor ${page.next_cursor}\n`;
    return { json: page, text: show(headings, page.items.map(rowOf), terminal) + more };
  },
};

function rowOf({ index, entry }: AuditItem): string[] {
  if (entry === null) return [String(index), '', 'NOT AN ENTRY', '', '', '', ''];
  const { occurred_at, action, outcome, actor, role, subject_type, subject_id, reason } = entry;
  const what = outcome === 'done' ? action : `${action} (${outcome})`;
  const about = `${subject_type} ${subject_id}`;
  return [String(index), occurred_at.slice(0, 19), what, actor ?? '', role ?? '', about, reason ?? ''];
}

/** Writes what `audit verify` reads; the checkpoint comes last, so that a directory without one is no export. */
const exported: Subcommand = {
  options: { csv: { type: 'boolean' } },
  positionals: [1, 1],
  async run(given, api, terminal) {
    const directory = given.positionals[0]!;
    makeEmpty(directory);
    const { checkpoint } = await api.get<CheckpointAnswer>(`${PATH}/checkpoint`);
    if (checkpoint === null) throw new Refused('the log has no checkpoint yet', null);
    const size = Number(checkpoint.split('\n')[1]);
    const into = writerTo(directory, given.values['csv'] === true);
    for (let from = 0; from < size;) from += await copyPage(api, { from, size }, into, terminal);
    writeFileSync(join(directory, 'checkpoint'), checkpoint);
    return {
      json: { directory, size },
      text: `${size} entries in ${directory}; hold them to the log's public key: assayctl audit verify\n`,
    };
  },
};

interface Writer {
  write(items: readonly StoredEntries['items'][number][]): void;
}

async function copyPage(
  api: ApiClient,
  at: { from: number; size: number },
  into: Writer,
  terminal: Terminal,
): Promise<number> {
  const limit = Math.min(ENTRIES_AT_ONCE, at.size - at.from);
  const { items } = await api.get<StoredEntries>(`${PATH}/entries`, { from: String(at.from), limit: String(limit) });
  const gap = items.findIndex(({ index }, place) => index !== at.from + place);
  if (items.length === 0 || gap >= 0) {
    throw new Refused(`entry ${at.from + Math.max(gap, 0)} is missing, which the checkpoint counts`, null);
  }
  into.write(items);
  if (at.size > ENTRIES_AT_ONCE) terminal.err(`${at.from + items.length} of ${at.size} entries …\n`);
  return items.length;
}

function writerTo(directory: string, as_csv: boolean): Writer {
  const path = (name: string) => join(directory, name);
  writeFileSync(path('entries.jsonl'), '');
  writeFileSync(path('hashes'), '');
  if (as_csv) writeFileSync(path('entries.csv'), CSV_HEAD);
  return {
    write(items) {
      const hashes = items.map(({ leaf_hash }) => Buffer.from(leaf_hash, 'base64'));
      appendFileSync(path('entries.jsonl'), items.map(({ entry }) => `${entry}\n`).join(''));
      appendFileSync(path('hashes'), Buffer.concat(hashes));
      if (!as_csv) return;
      const rows = items.map(({ index, entry }, at) => csvOf(index, decodeEntry(Buffer.from(entry)), hashes[at]!));
      appendFileSync(path('entries.csv'), rows.join(''));
    },
  };
}

function makeEmpty(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0) throw new UsageError(`${directory} is not empty`);
  mkdirSync(directory, { recursive: true });
}

export const AUDIT: Readonly<Record<string, Subcommand>> = { list, export: exported };
