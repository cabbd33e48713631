import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';

/** What evidence is attached to: one dead letter, or the incident of a fingerprint. */
export type EvidenceSubject = { dead_letter_id: string } | { fingerprint: string };

export interface NewEvidence {
  id: string;
  subject: EvidenceSubject;
  /** Of the key, with an incident; null is every one. */
  sources: string[] | null;
  type: string;
  facts: Record<string, string>;
  request_hash: Buffer;
  actor: string;
  correlation_id: string;
}

export interface EvidenceRow {
  sequence: number;
  id: string;
  dead_letter_id: string | null;
  fingerprint: string | null;
  sources: string[] | null;
  type: string;
  facts: Record<string, string>;
  request_hash: Buffer;
  actor: string;
  correlation_id: string;
  attached_at: string;
}

const COLUMNS = `sequence, id, dead_letter_id, fingerprint, sources, type, facts, request_hash, actor, correlation_id,
  attached_at`;

@Injectable()
export class EvidenceRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Undefined where the id is taken: the request comes again, or is another one. */
  async insert(tx: Tx, { subject, ...evidence }: NewEvidence): Promise<EvidenceRow | undefined> {
    const [row] = await tx.query<EvidenceRow>(
      `INSERT INTO evidence (id, dead_letter_id, fingerprint, sources, type, facts, request_hash, actor, correlation_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (id) DO NOTHING RETURNING ${COLUMNS}`,
      [
        evidence.id,
        'dead_letter_id' in subject ? subject.dead_letter_id : null,
        'fingerprint' in subject ? subject.fingerprint : null,
        evidence.sources,
        evidence.type,
        JSON.stringify(evidence.facts),
        evidence.request_hash,
        evidence.actor,
        evidence.correlation_id,
      ],
    );
    return row;
  }

  async byId(tx: Tx, id: string): Promise<EvidenceRow | undefined> {
    const [row] = await tx.query<EvidenceRow>(`SELECT ${COLUMNS} FROM evidence WHERE id = $1`, [id]);
    return row;
  }

  /** The newest first; of an incident, what keys with one of these sources may read. */
  async list(
    subject: EvidenceSubject,
    sources: string[] | null,
    { before, limit }: { before: number | null; limit: number },
  ): Promise<EvidenceRow[]> {
    const [column, value] = Object.entries(subject)[0]!;
    return this.database.query<EvidenceRow>(
      `SELECT ${COLUMNS} FROM evidence
        WHERE ${column === 'fingerprint' ? 'fingerprint' : 'dead_letter_id'} = $1
          AND ($2::text[] IS NULL OR sources IS NULL OR sources && $2)
          AND ($3::bigint IS NULL OR sequence < $3)
        ORDER BY sequence DESC LIMIT $4`,
      [value, sources, before, limit],
    );
  }

  /** Whether dead letters of this cause are visible: any, or only those that are not closed. */
  async hasLetters(
    fingerprint: string,
    sources: string[] | null,
    { open_only }: { open_only: boolean },
  ): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT FROM dead_letters
        WHERE fingerprint = $1 AND ($2::text[] IS NULL OR source = ANY ($2)) AND (NOT $3 OR closed_at IS NULL)
        LIMIT 1`,
      [fingerprint, sources, open_only],
    );
    return rows.length > 0;
  }
}
