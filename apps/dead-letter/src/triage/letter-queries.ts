import { Problem } from '@assay/contracts';
import { IsInt, IsOptional, IsRFC3339, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Transform } from 'class-transformer';
import { asNumber } from '../paging.js';

/** Several values of one filter: `state=open,triaged`. */
const WORDS = /^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/;
/** `*` is the source of what belongs to none: a credential. */
const SOURCES = /^[A-Za-z0-9_.*-]+(,[A-Za-z0-9_.*-]+)*$/;

/** Which dead letters: the filters are joined by "and", the values of one by "or". */
export class LetterFilter {
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
}

/** `GET /v1/dead-letters`. */
export class ListQuery extends LetterFilter {
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
function instant(value: string | undefined, pointer: string): string | null {
  if (value === undefined) return null;
  const time_ms = Date.parse(value);
  if (!Number.isNaN(time_ms)) return new Date(time_ms).toISOString();
  throw new Problem('invalid_request', { errors: [{ pointer, code: 'invalid_value', detail: 'must be a time' }] });
}

/** `%` and `_` of a searched text mean themselves. */
function likePattern(text: string | undefined): string | null {
  return text === undefined ? null : `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

/** The conditions of a filter; its parameters are those of {@link filterParams}, $1 to $9. */
export const LETTER_FILTER = `($1::text[] IS NULL OR source = ANY ($1))
  AND ($2::text[] IS NULL OR stage = ANY ($2))
  AND ($3::text[] IS NULL OR error_class = ANY ($3))
  AND ($4::text[] IS NULL OR state = ANY ($4))
  AND ($5::text[] IS NULL OR source = ANY ($5))
  AND ($6::text[] IS NULL OR fingerprint = ANY ($6))
  AND ($7::timestamptz IS NULL OR last_failure_at >= $7)
  AND ($8::timestamptz IS NULL OR last_failure_at < $8)
  AND ($9::text IS NULL OR concat_ws(E'\\n', code, last_stack, subject_id, job_id, changelist_id) ILIKE $9)`;

/** `sources` are those of the key, null for every one; `pointer` says where a member stood in the request. */
export function filterParams(
  filter: LetterFilter,
  sources: string[] | null,
  pointer: (member: string) => string,
): unknown[] {
  return [
    sources,
    words(filter.stage),
    words(filter.class),
    words(filter.state),
    words(filter.source),
    words(filter.fingerprint),
    instant(filter.failed_after, pointer('failed_after')),
    instant(filter.failed_before, pointer('failed_before')),
    likePattern(filter.text),
  ];
}
