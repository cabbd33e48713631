import { IsString, Matches, MaxLength } from 'class-validator';
import { WRITTEN_TEXT } from '@assay/contracts';

/** Of a reason, in UTF-16 units. */
const MAX_REASON = 2_000;

/** `POST /v1/reviews/{id}/cancel`. */
export class CancelRequest {
  @IsString() @MaxLength(MAX_REASON) @Matches(WRITTEN_TEXT) reason: string;
}
