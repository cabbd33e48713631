import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { counter, currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { invalid } from '@assay/service';
import { AuditTrail } from '../audit/index.js';
import { requestedId, requestHash } from '../idempotency.js';
import { ChangesService, LettersRepository, move } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';
import { decodeCursor, DEFAULT_LIMIT, pageOf } from '../paging.js';
import type { Page, PageQuery } from '../paging.js';
import { requireUuid } from '../scope.js';
import type { EvidenceRequest } from './evidence-requests.js';
import { evidenceFacts, evidenceFaults } from './evidence-types.js';
import { EvidenceRepository } from './evidence.repository.js';
import type { EvidenceRow, EvidenceSubject, NewEvidence } from './evidence.repository.js';
import { evidenceView } from './evidence-view.js';
import type { EvidenceView } from './evidence-view.js';

const attached = counter('assay_evidence_attached_total', 'Evidence attached to dead letters and incidents, by type.');

export interface Attached {
  view: EvidenceView;
  /** The request came before: nothing was changed. */
  replayed: boolean;
}

/** What was done about failures (DLQ-7): the reason to believe that a replay goes better. */
@Injectable()
export class EvidenceService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EvidenceRepository) private readonly evidence: EvidenceRepository,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(ChangesService) private readonly changes: ChangesService,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** A dead letter that is being looked after counts as remedied with its first evidence; an open one stays open. */
  async attachToLetter(
    dead_letter_id: string,
    request: EvidenceRequest,
    principal: Principal,
    header_key: string | undefined,
  ): Promise<Attached> {
    requireUuid(dead_letter_id);
    const evidence = newEvidence({ dead_letter_id }, request, principal, header_key);
    const { announcement, ...done } = await this.database.transaction(async (tx) => {
      const letter = await this.letters.lockOne(tx, dead_letter_id, sourcesOf(principal));
      if (!letter) throw new Problem('not_found');
      const { row, replayed } = await this.#insert(tx, evidence, principal);
      const steps = replayed ? [] : remedy(letter, evidence);
      return { row, replayed, announcement: await this.changes.store(tx, replayed ? [] : [letter], steps) };
    });
    this.changes.announce(announcement);
    return this.#done(done, principal);
  }

  /** Covers what the incident has when a plan is frozen, within the sources of the key: it moves nothing by itself. */
  async attachToIncident(
    fingerprint: string,
    request: EvidenceRequest,
    principal: Principal,
    header_key: string | undefined,
  ): Promise<Attached> {
    const evidence = newEvidence({ fingerprint }, request, principal, header_key);
    await this.#requireIncident(fingerprint, principal, true);
    return this.#done(await this.database.transaction((tx) => this.#insert(tx, evidence, principal)), principal);
  }

  async ofLetter(dead_letter_id: string, query: PageQuery, principal: Principal): Promise<Page<EvidenceView>> {
    requireUuid(dead_letter_id);
    if (!(await this.letters.isVisible(dead_letter_id, sourcesOf(principal)))) throw new Problem('not_found');
    return this.#list({ dead_letter_id }, query, principal);
  }

  async ofIncident(fingerprint: string, query: PageQuery, principal: Principal): Promise<Page<EvidenceView>> {
    await this.#requireIncident(fingerprint, principal, false);
    return this.#list({ fingerprint }, query, principal);
  }

  async #insert(tx: Tx, evidence: NewEvidence, principal: Principal): Promise<{ row: EvidenceRow; replayed: boolean }> {
    const inserted = await this.evidence.insert(tx, evidence);
    if (inserted) {
      const { id: evidence_id, subject, type } = evidence;
      const about = { ...auditedSubject(subject), source: null, details: { evidence_id, type } };
      await this.trail.record(tx, { action: 'evidence.attached', principal, ...about });
      return { row: inserted, replayed: false };
    }
    const row = await this.evidence.byId(tx, evidence.id);
    const same = row && row.actor === evidence.actor && row.request_hash.equals(evidence.request_hash);
    if (!same || !isAbout(row, evidence.subject)) throw new Problem('idempotency_key_reused');
    return { row, replayed: true };
  }

  #done({ row, replayed }: { row: EvidenceRow; replayed: boolean }, principal: Principal): Attached {
    if (!replayed) attached.add(1, { type: row.type });
    return { view: evidenceView(row, principal), replayed };
  }

  async #list(subject: EvidenceSubject, query: PageQuery, principal: Principal): Promise<Page<EvidenceView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const range = { before: decodeCursor(query.cursor), limit: limit + 1 };
    const page = pageOf(await this.evidence.list(subject, sourcesOf(principal), range), limit);
    return { ...page, items: page.items.map((row) => evidenceView(row, principal)) };
  }

  async #requireIncident(fingerprint: string, principal: Principal, open_only: boolean): Promise<void> {
    const known = await this.evidence.hasLetters(fingerprint, sourcesOf(principal), { open_only });
    if (!known) throw new Problem('not_found');
  }
}

function auditedSubject(subject: EvidenceSubject): { subject_type: string; subject_id: string } {
  if ('dead_letter_id' in subject) return { subject_type: 'dead_letter', subject_id: subject.dead_letter_id };
  return { subject_type: 'incident', subject_id: subject.fingerprint };
}

function remedy(letter: DeadLetter, { actor, correlation_id, type }: NewEvidence) {
  if (letter.state !== 'triaged') return [];
  return [move(letter, { to: 'remediated', cause: 'evidence_attached', actor, note: type, correlation_id })];
}

function newEvidence(
  subject: EvidenceSubject,
  request: EvidenceRequest,
  principal: Principal,
  header_key: string | undefined,
): NewEvidence {
  const faults = evidenceFaults(request);
  if (faults.length > 0) throw invalid(faults);
  const derived = requestedId(`evidence ${JSON.stringify(subject)}`, principal, header_key);
  return {
    id: header_key === undefined ? (request.evidence_id ?? derived) : derived,
    subject,
    sources: sourcesOf(principal),
    type: request.type,
    facts: evidenceFacts(request),
    request_hash: requestHash(request),
    actor: actorOf(principal),
    correlation_id: currentContext().correlation_id,
  };
}

function isAbout(row: EvidenceRow, subject: EvidenceSubject): boolean {
  if ('dead_letter_id' in subject) return row.dead_letter_id === subject.dead_letter_id;
  return row.fingerprint === subject.fingerprint;
}
