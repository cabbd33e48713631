import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompactTree, encodeEntry, leafHash, newNoteKeys, readSignerKey, signCheckpoint } from '@assay/audit-log';

export const ORIGIN = 'assay.example/audit';
/** Written together: a call for each of a million lines takes longer than they do. */
const WRITTEN_AT_ONCE = 2_000;

/** What stands for an entry's number, as wide as any. */
const NUMBER = '000000000000';

/** Of a salt of its own, so that no two exports are the same. */
const aTemplate = () =>
  encodeEntry({
    ...{ id: `01900000-0000-7000-8000-${NUMBER}`, occurred_at: '2026-01-02T03:04:05.000000Z', service: 'dead-letter' },
    ...{ action: 'dead_letter.discarded', outcome: 'done', actor: 'key:dana', role: 'operator', origin: '192.0.2.7' },
    ...{ subject_type: 'dead_letter', subject_id: `letter-${NUMBER}`, source: 'acme', reason: 'the mailbox is gone' },
    ...{ correlation_id: `corr-${NUMBER}`, details: { from: 'open', forced: false } },
  }).toString('utf8');

/** Written once and numbered: to write a million anew takes longer than to verify them. */
const numbered = (template: string, number: number): Buffer =>
  Buffer.from(template.replaceAll(NUMBER, String(number).padStart(NUMBER.length, '0')));

export interface ExportFixture {
  directory: string;
  /** As anybody has it. */
  key: string;
  /** A file beside the export. */
  file(name: string, content: string | Buffer): string;
  /** The checkpoint of the first entries, as a file: one of those asked for when the export was made. */
  checkpointAt(size: number): string;
  remove(): void;
}

/** An export of so many entries in a directory of its own, and checkpoints that were taken on the way. */
export function makeExport(count: number, checkpoints: readonly number[] = []): ExportFixture {
  const { signer_key, verifier_key: key } = newNoteKeys(ORIGIN);
  const signers = [readSignerKey(signer_key)];
  const room = mkdtempSync(join(tmpdir(), 'assay-audit-'));
  const directory = join(room, 'export');
  mkdirSync(directory);
  const file: ExportFixture['file'] = (name, content) => {
    writeFileSync(join(room, name), content);
    return join(room, name);
  };
  const tree = new CompactTree();
  const signed = () => signCheckpoint({ origin: ORIGIN, size: tree.size, root: tree.root() }, signers);
  writeEntries(directory, count, (hash) => {
    tree.append(hash);
    if (checkpoints.includes(tree.size)) file(`checkpoint-${tree.size}`, signed());
  });
  writeFileSync(join(directory, 'checkpoint'), signed());
  return {
    ...{ directory, key, file },
    checkpointAt: (size) => join(room, `checkpoint-${size}`),
    remove: () => rmSync(room, { recursive: true }),
  };
}

function writeEntries(directory: string, count: number, each: (hash: Buffer) => void): void {
  const [lines, hashes] = ['entries.jsonl', 'hashes'].map((name) => openSync(join(directory, name), 'w')) as [
    number,
    number,
  ];
  const template = aTemplate();
  for (let from = 0; from < count; from += WRITTEN_AT_ONCE) {
    const entries = Array.from({ length: Math.min(WRITTEN_AT_ONCE, count - from) }, (_, at) =>
      numbered(template, from + at),
    );
    const own = entries.map(leafHash);
    own.forEach(each);
    writeSync(lines, Buffer.concat(entries.flatMap((entry) => [entry, Buffer.from('\n')])));
    writeSync(hashes, Buffer.concat(own));
  }
  closeSync(lines);
  closeSync(hashes);
}
