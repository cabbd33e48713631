import { IsString, Matches, MaxLength } from 'class-validator';

/** Of a reason, in UTF-16 units. */
const MAX_REASON = 2_000;
/** Not blank, and storable. */
const REASON = /^(?=[^]*\S)[^\0]*$/;

/** `POST /v1/reviews/{id}/cancel`. */
export class CancelRequest {
  @IsString() @MaxLength(MAX_REASON) @Matches(REASON) reason: string;
}
