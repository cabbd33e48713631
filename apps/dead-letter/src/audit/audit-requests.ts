import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { asNumber } from '../paging.js';

/** Entries in the order of the log, as an export takes them. */
export class EntriesQuery {
  @IsOptional() @Transform(asNumber) @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER) from?: number;
  @IsOptional() @Transform(asNumber) @IsInt() @Min(1) @Max(1_000) limit?: number;
}
