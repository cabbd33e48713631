import { CHANNEL_PATTERN, UUID, WRITTEN_TEXT } from '@assay/contracts';
import type { Channel } from '@assay/contracts';
import { IsIn, IsOptional, IsRFC3339, IsString, IsUrl, Matches, MaxLength } from 'class-validator';
import { EVIDENCE_TYPES, PROVIDER_STATUSES } from './evidence-types.js';
import type { EvidenceType, ProviderStatus } from './evidence-types.js';

/** A name, a version, a reference: one line. */
const WORD = /^(?=.*\S)[^\0\r\n]{1,200}$/;
const MAX_TEXT = 4_000;
const MAX_URL = 2_000;

/**
 * `POST …/evidence` (DLQ-7). Which fields a type has, and which of them it must have, stands in
 * {@link EVIDENCE_FIELDS}; a field of another type is refused.
 */
export class EvidenceRequest {
  @IsIn(EVIDENCE_TYPES) type: EvidenceType;
  /** Chosen by you, instead of an `Idempotency-Key`: the same request again changes nothing. */
  @IsOptional() @Matches(UUID) evidence_id?: string;
  /** Of a `ticket`. */
  @IsOptional() @Matches(WORD) reference?: string;
  @IsOptional() @IsUrl({ require_tld: false, protocols: ['http', 'https'] }) @MaxLength(MAX_URL) url?: string;
  /** Of a `deployment`: what was deployed, and which version of it. */
  @IsOptional() @Matches(WORD) service?: string;
  @IsOptional() @Matches(WORD) version?: string;
  @IsOptional() @IsRFC3339() deployed_at?: string;
  /** Of a `configuration_change`: which setting, and what was done to it. Never its secret value. */
  @IsOptional() @Matches(WORD) setting?: string;
  @IsOptional() @IsString() @MaxLength(MAX_TEXT) @Matches(WRITTEN_TEXT) change?: string;
  /** Of a `recipient_correction`: where it should have gone. */
  @IsOptional() @Matches(CHANNEL_PATTERN) channel?: Channel;
  @IsOptional() @IsString() @MaxLength(500) address?: string;
  /** Of `provider_health`. */
  @IsOptional() @Matches(WORD) provider?: string;
  @IsOptional() @IsIn(PROVIDER_STATUSES) status?: ProviderStatus;
  @IsOptional() @IsRFC3339() observed_at?: string;
  /** Of a `note`; with any other type a remark. */
  @IsOptional() @IsString() @MaxLength(MAX_TEXT) @Matches(WRITTEN_TEXT) text?: string;
}
