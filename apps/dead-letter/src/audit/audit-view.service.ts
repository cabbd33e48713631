import { Inject, Injectable } from '@nestjs/common';
import { decodeEntry, FormatError } from '@assay/audit-log';
import type { AuditEntry, Json } from '@assay/audit-log';
import { Problem } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Principal } from '@assay/security';
import { decodeCursor, DEFAULT_LIMIT, pageOf } from '../paging.js';
import type { Page, PageQuery } from '../paging.js';
import { AuditTrail } from './audit-trail.js';
import type { EntriesQuery } from './audit-requests.js';
import { EntriesRepository } from './entries.repository.js';

/** An entry of the log. */
export interface AuditView {
  index: number;
  /** Null where the stored bytes are no entry any more. */
  entry: AuditEntry | null;
  /** Base64. */
  leaf_hash: string;
}

/** An entry as an export has it. */
export interface StoredAuditEntry {
  index: number;
  /** Its exact bytes, as text. */
  entry: string;
  /** Base64. */
  leaf_hash: string;
}

export interface StoredAuditEntries {
  items: StoredAuditEntry[];
}

export interface SignedCheckpoint {
  /** The signed note, as it is; null before the first. */
  checkpoint: string | null;
}

const ENTRIES_LIMIT = 1_000;

/** Reading the log (DLQ-11): each look is an entry of its own, committed before anything is read. */
@Injectable()
export class AuditViewService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
    @Inject(EntriesRepository) private readonly entries: EntriesRepository,
  ) {}

  async list({ limit = DEFAULT_LIMIT, cursor }: PageQuery, principal: Principal): Promise<Page<AuditView>> {
    const before = decodeCursor(cursor);
    await this.#viewed(principal, { before, limit });
    const rows = await this.entries.before(before, limit + 1);
    const views = rows.map(({ index, entry, leaf_hash }) => {
      return { sequence: index, index, entry: entryIn(entry), leaf_hash: leaf_hash.toString('base64') };
    });
    return pageOf(views, limit);
  }

  async stored({ from = 0, limit = ENTRIES_LIMIT }: EntriesQuery, principal: Principal): Promise<StoredAuditEntries> {
    await this.#viewed(principal, { from, limit });
    const rows = await this.entries.from(from, limit);
    const items = rows.map(({ index, entry, leaf_hash }) => {
      return { index, entry: entry.toString('utf8'), leaf_hash: leaf_hash.toString('base64') };
    });
    return { items };
  }

  /** Says how many entries there are and nothing of them: it is published, and no look. */
  async checkpoint(): Promise<SignedCheckpoint> {
    return { checkpoint: (await this.entries.lastCheckpoint()) ?? null };
  }

  /** The log is of every source: a key for some of them may see none of it (GEN-8). */
  async #viewed(principal: Principal, details: { [name: string]: Json }): Promise<void> {
    if (principal.sources !== '*') {
      throw new Problem('forbidden', { detail: 'The audit log is about every source, and so must the key be.' });
    }
    const subject = { subject_type: 'audit_log', subject_id: 'audit_log', source: null };
    await this.database.transaction((tx) =>
      this.trail.record(tx, { action: 'audit.viewed', principal, ...subject, details }),
    );
  }
}

/** What was tampered with is shown as what it is: a list that fails for it would hide the rest. */
function entryIn(bytes: Buffer): AuditEntry | null {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
