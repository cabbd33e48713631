import { Problem } from '@assay/contracts';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';

export const DEFAULT_LIMIT = 50;

/** A page of a list; `next_cursor` is null on the last. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** A number of a query string. */
export const asNumber = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;

/** The query of a list that has no filters. */
export class PageQuery {
  @IsOptional() @Transform(asNumber) @IsInt() @Min(1) @Max(200) limit?: number;
  @IsOptional() @IsString() cursor?: string;
}

/** A page of `limit` out of rows of which one more was asked for. */
export function pageOf<T extends { sequence: number }>(rows: readonly T[], limit: number): Page<Omit<T, 'sequence'>> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const items = rows.slice(0, limit).map(({ sequence: _, ...item }) => item);
  return { items, next_cursor: last ? encodeCursor(last.sequence) : null };
}

/** Opaque to callers: the sequence of the last item of a page. */
function encodeCursor(sequence: number): string {
  return Buffer.from(`dl:${sequence}`).toString('base64url');
}

export function decodeCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  const [, sequence] = /^dl:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (sequence !== undefined) return Number(sequence);
  const detail = 'must be the next_cursor of a page before';
  throw new Problem('invalid_request', { errors: [{ pointer: '?cursor', code: 'invalid_value', detail }] });
}
