import { WRITTEN_TEXT } from '@assay/contracts';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

const MAX_NOTE = 2_000;

/** `POST /v1/dead-letters/{id}/triage`. */
export class TriageRequest {
  /** Who looks after it: a name of your own, no address. */
  @IsOptional() @IsString() @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/) assignee?: string;
  @IsOptional() @IsString() @MaxLength(MAX_NOTE) @Matches(WRITTEN_TEXT) note?: string;
}

/** `POST /v1/dead-letters/{id}/discard` and `…/end-replay`. */
export class ReasonRequest {
  @IsString() @MaxLength(MAX_NOTE) @Matches(WRITTEN_TEXT) reason: string;
}
