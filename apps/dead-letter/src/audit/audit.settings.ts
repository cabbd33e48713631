import { readSignerKey } from '@assay/audit-log';
import type { NoteSigner } from '@assay/audit-log';
import type { SecretSource } from '@assay/security';
import { durationMs, secretRef } from '@assay/service';

/** How the audit log is sealed; spread into the settings of the service. */
export const AUDIT_SETTINGS = {
  audit_signing_keys: secretRef({
    env: 'ASSAY_AUDIT_SIGNING_KEYS',
    doc: 'Private key that signs the checkpoints of the audit log (`assayctl audit new-key NAME` makes one), or two of one name, one a line, while it is rotated. Without it entries are kept and wait to be sealed (DLQ-11).',
    default: null,
    check: signersIn,
  }),
  audit_seal_interval_ms: durationMs({
    env: 'ASSAY_AUDIT_SEAL_INTERVAL_MS',
    doc: 'How often new entries of the audit log are numbered, and signed for (DLQ-11).',
    default: 5_000,
    min: 20,
    max: 10_000,
  }),
};

export interface AuditSettings {
  audit_signing_keys: SecretSource | null;
  audit_seal_interval_ms: number;
}

/** Nest token. */
export const AUDIT_CONFIG = Symbol('AuditConfig');

/** The keys, of which the name is the log's. Throws, without a word of them, where one is none or their names differ. */
export function signersIn(text: string): NoteSigner[] {
  const signers = text.split('\n').map((line) => readSignerKey(line.trim()));
  if (signers.some(({ name }) => name !== signers[0]!.name)) throw new Error('the keys of one log have one name');
  return signers;
}
