import { maskedAddress } from '@assay/security';
import type { Principal } from '@assay/security';
import type { EvidenceRow } from './evidence.repository.js';

/** Evidence as the API gives it. */
export interface EvidenceView {
  evidence_id: string;
  /** Null where it is an incident's. */
  dead_letter_id: string | null;
  /** Null where it is one dead letter's. */
  fingerprint: string | null;
  type: string;
  /** The fields of its type. */
  facts: Record<string, string>;
  /** `key:<id>`. */
  actor: string;
  attached_at: string;
  correlation_id: string;
}

/** Operators see the address that they correct a recipient to; who only reads sees that there is one (SEC-4). */
export function evidenceView(row: Omit<EvidenceRow, 'sequence'>, { role }: Principal): EvidenceView {
  const { id: evidence_id, dead_letter_id, fingerprint, type, facts, actor, attached_at, correlation_id } = row;
  const { address } = facts;
  const shown = address === undefined || role === 'operator' ? facts : { ...facts, address: maskedAddress(address) };
  return { evidence_id, dead_letter_id, fingerprint, type, facts: shown, actor, attached_at, correlation_id };
}
