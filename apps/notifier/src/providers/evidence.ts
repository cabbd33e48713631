import { redact } from '@assay/security';
import { paragraph } from '../rendering/index.js';

/** How much of what a receiver says is kept (DLQ-3). */
export const MAX_EVIDENCE_BYTES = 1_024;

/** What a receiver said, fit to be kept and shown: redacted, without control characters, at most 1 KiB of UTF-8. */
export function evidence(text: string): string {
  const bytes = Buffer.from(redact(paragraph(text))).subarray(0, MAX_EVIDENCE_BYTES);
  // As a stream, it leaves out a character that the limit cuts through.
  return new TextDecoder().decode(bytes, { stream: true });
}

/** Receivers like to repeat whom they were asked for, and the redactor knows addresses in ASCII only. */
export function withoutAddress(text: string, address: string): string {
  if (address === '') return text;
  return text.replace(new RegExp(address.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi'), '[redacted]');
}
