import { Problem } from '@assay/contracts';
import { IsInt, IsOptional, IsRFC3339, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Transform } from 'class-transformer';
import { asNumber } from '../paging.js';

/** Several values of one filter: `state=open,triaged`. */
const WORDS = /^[A-Za-z0-9_.-]+(,[A-Za-z0-9_.-]+)*$/;
/** `*` is the source of what belongs to none: a credential, a destination. */
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

/** Adds a parameter to a statement and returns its place: `$3`. */
export type Bind = (value: unknown) => string;

/**
 * The conditions of a filter: only those that were asked for, and one value by `=`, so that a page goes by the order of
 * an index (`= ANY` of one value would sort all that it finds). `sources` are those of the key, null for every one;
 * `pointer` says where a member stood in the request.
 */
export function letterConditions(
  filter: LetterFilter,
  sources: string[] | null,
  { bind, pointer }: { bind: Bind; pointer: (member: string) => string },
): string {
  const failed_after = instant(filter.failed_after, pointer('failed_after'));
  const failed_before = instant(filter.failed_before, pointer('failed_before'));
  const text = likePattern(filter.text);
  const conditions = [
    among('source', sources, bind),
    among('stage', words(filter.stage), bind),
    among('error_class', words(filter.class), bind),
    among('state', words(filter.state), bind),
    among('source', words(filter.source), bind),
    among('fingerprint', words(filter.fingerprint), bind),
    failed_after && `last_failure_at >= ${bind(failed_after)}`,
    failed_before && `last_failure_at < ${bind(failed_before)}`,
    text && `concat_ws(E'\\n', code, last_stack, subject_id, job_id, changelist_id) ILIKE ${bind(text)}`,
  ];
  return ['true', ...conditions.filter((condition) => condition !== null)].join(' AND ');
}

function among(column: string, values: string[] | null, bind: Bind): string | null {
  if (values === null) return null;
  return values.length === 1 ? `${column} = ${bind(values[0])}` : `${column} = ANY (${bind(values)}::text[])`;
}
