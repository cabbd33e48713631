import { canonicalRecipient } from '@assay/contracts';
import type { FieldError } from '@assay/contracts';
import { redact } from '@assay/security';
import type { EvidenceRequest } from './evidence-requests.js';

/** What may count as a reason to believe that the next attempt goes better (DLQ-7). */
export const EVIDENCE_TYPES = [
  'ticket',
  'deployment',
  'configuration_change',
  'recipient_correction',
  'provider_health',
  'note',
] as const;
export type EvidenceType = (typeof EVIDENCE_TYPES)[number];

export const PROVIDER_STATUSES = ['recovered', 'degraded', 'down'] as const;
export type ProviderStatus = (typeof PROVIDER_STATUSES)[number];

type Field = Exclude<keyof EvidenceRequest, 'type' | 'evidence_id'>;
const FIELDS: readonly Field[] = [
  ...(['reference', 'url', 'service', 'version', 'deployed_at', 'setting', 'change'] as const),
  ...(['channel', 'address', 'provider', 'status', 'observed_at', 'text'] as const),
];

/** The fields of each type. */
export const EVIDENCE_FIELDS: Readonly<
  Record<EvidenceType, { required: readonly Field[]; optional: readonly Field[] }>
> = {
  ticket: { required: ['reference'], optional: ['url', 'text'] },
  deployment: { required: ['service', 'version'], optional: ['deployed_at', 'url', 'text'] },
  configuration_change: { required: ['setting', 'change'], optional: ['url', 'text'] },
  recipient_correction: { required: ['channel', 'address'], optional: ['text'] },
  provider_health: { required: ['provider', 'status'], optional: ['observed_at', 'url', 'text'] },
  note: { required: ['text'], optional: [] },
};

/** What is wrong with a request whose fields are well formed each. */
export function evidenceFaults(request: EvidenceRequest): FieldError[] {
  const { required, optional } = EVIDENCE_FIELDS[request.type];
  const faults: FieldError[] = [];
  for (const field of FIELDS) {
    const given = request[field] != null;
    if (!given && required.includes(field)) faults.push(fault(field, 'required', `belongs to every ${request.type}`));
    if (given && !required.includes(field) && !optional.includes(field)) {
      faults.push(fault(field, 'unknown_field', `does not belong to a ${request.type}`));
    }
  }
  const { channel, address } = request;
  if (faults.length === 0 && channel && address && canonicalRecipient({ channel, address }) === null) {
    const detail = channel === 'email' ? 'is not a mail address' : 'is not the name of an endpoint';
    faults.push(fault('address', 'invalid_value', detail));
  }
  return faults;
}

function fault(field: Field, code: string, detail: string): FieldError {
  return { pointer: `/${field}`, code, detail };
}

/** The facts of a valid request as they are kept: redacted, but for the address that a correction is about. */
export function evidenceFacts(request: EvidenceRequest): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const field of FIELDS) {
    const value = request[field];
    if (value == null) continue;
    facts[field] = field === 'address' ? value : redact(value);
  }
  const { channel, address } = request;
  if (channel && address) facts['address'] = canonicalRecipient({ channel, address })!.address;
  return facts;
}
