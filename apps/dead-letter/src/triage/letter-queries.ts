import { Problem } from '@assay/contracts';
import { IsInt, IsOptional, IsRFC3339, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Transform } from 'class-transformer';
import { asNumber } from '../paging.js';

/** Several values of one filter: `state=open,triaged`. */
const WORDS = /^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/;
/** `*` is the source of what belongs to none: a credential. */
const SOURCES = /^[A-Za-z0-9_.*-]+(,[A-Za-z0-9_.*-]+)*$/;

/** `GET /v1/dead-letters`. Filters are joined by "and", the values of one by "or". */
export class ListQuery {
  @IsOptional() @Matches(WORDS) stage?: string;
  @IsOptional() @Matches(WORDS) class?: string;
  @IsOptional() @Matches(WORDS) state?: string;
  @IsOptional() @Matches(SOURCES) source?: string;
  @IsOptional() @Matches(WORDS) fingerprint?: string;
  /** On the last failure. */
  @IsOptional() @IsRFC3339() failed_after?: string;
  @IsOptional() @IsRFC3339() failed_before?: string;
  /** In code, error chain, subject, job, changelist. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(/^[^\0]*$/) text?: string;
  @IsOptional() @Transform(asNumber) @IsInt() @Min(1) @Max(200) limit?: number;
  @IsOptional() @IsString() cursor?: string;
}

/** `GET /v1/incidents`. */
export class IncidentQuery {
  @IsOptional() @Matches(WORDS) stage?: string;
  @IsOptional() @Matches(WORDS) class?: string;
  @IsOptional() @Matches(SOURCES) source?: string;
  @IsOptional() @Transform(asNumber) @IsInt() @Min(1) @Max(200) limit?: number;
}

export function words(value: string | undefined): string[] | null {
  return value === undefined ? null : value.split(',');
}

/** A time for Postgres; a form that is right and a day that does not exist would fail there. */
export function instant(value: string | undefined, pointer: string): string | null {
  if (value === undefined) return null;
  const time_ms = Date.parse(value);
  if (!Number.isNaN(time_ms)) return new Date(time_ms).toISOString();
  throw new Problem('invalid_request', { errors: [{ pointer, code: 'invalid_value', detail: 'must be a time' }] });
}

/** `%` and `_` of a searched text mean themselves. */
export function likePattern(text: string | undefined): string | null {
  return text === undefined ? null : `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}
