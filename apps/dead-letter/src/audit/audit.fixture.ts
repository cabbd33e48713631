import { newNoteKeys, openCheckpoint, readVerifierKey, verifyExport } from '@assay/audit-log';
import type { AuditEntry, AuditVerdict } from '@assay/audit-log';
import type { TestDatabase } from '@assay/testing';

export const ORIGIN = 'assay.example/audit';
const keys = newNoteKeys(ORIGIN);
export const SIGNER_KEY = keys.signer_key;
export const VERIFIER_KEY = keys.verifier_key;
export const VERIFIER = readVerifierKey(VERIFIER_KEY);

/** The service's settings with which it seals, every 100 ms. */
export const SEALING = {
  ASSAY_AUDIT_SIGNING_KEYS: 'env:AUDIT_KEYS',
  AUDIT_KEYS: SIGNER_KEY,
  ASSAY_AUDIT_SEAL_INTERVAL_MS: '100',
};

interface Row {
  position: number;
  entry: Buffer;
  leaf_hash: Buffer;
}

const rowsOf = (database: TestDatabase) =>
  database.sql<Row>(
    `SELECT l.position, e.entry, l.leaf_hash FROM audit_log l JOIN audit_entries e ON e.id = l.entry_id ORDER BY l.position`,
  );

/** What the log says, from its first entry on. */
export async function logOf(database: TestDatabase): Promise<AuditEntry[]> {
  return (await rowsOf(database)).map(({ entry }) => JSON.parse(entry.toString('utf8')) as AuditEntry);
}

export async function checkpointsOf(database: TestDatabase): Promise<Buffer[]> {
  const rows = await database.sql<{ checkpoint: string }>('SELECT checkpoint FROM audit_checkpoints ORDER BY size');
  return rows.map(({ checkpoint }) => Buffer.from(checkpoint));
}

/** The verdict on the log as it stands in the database, against every checkpoint that was signed. */
export async function verdictOn(database: TestDatabase, kept: readonly Buffer[] = []): Promise<AuditVerdict> {
  const checkpoints = await checkpointsOf(database);
  const last = checkpoints.at(-1)!;
  const { size } = openCheckpoint(last, [VERIFIER], ORIGIN);
  const rows = (await rowsOf(database)).slice(0, size);
  return verifyExport(
    {
      entries: chunks(rows.map(({ entry }) => Buffer.concat([entry, Buffer.from('\n')]))),
      hashes: chunks(rows.map(({ leaf_hash }) => leaf_hash)),
      checkpoint: last,
      earlier: [...checkpoints, ...kept],
    },
    { keys: [VERIFIER], origin: ORIGIN },
  );
}

async function* chunks(of: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of of) yield await Promise.resolve(chunk);
}
