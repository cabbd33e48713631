import { CHANNEL_PATTERN, REPLAY_ACTIONS, STAGES, UUID, WRITTEN_TEXT } from '@assay/contracts';
import type { Channel, ReplayAction, Stage } from '@assay/contracts';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { LetterFilter } from '../triage/index.js';
import { PageQuery } from '../paging.js';
import { ITEM_STATES, PLAN_STATES } from './replay-machines.js';
import type { ItemState, PlanState } from './replay-machines.js';

export class RecipientRequest {
  @Matches(CHANNEL_PATTERN) channel: Channel;
  @IsString() @MaxLength(500) address: string;
}

/** Where one delivery should have gone; before the plan's own `corrected_recipient`. */
export class CorrectionRequest extends RecipientRequest {
  @Matches(UUID) dead_letter_id: string;
}

/** `POST /v1/replay-plans` (DLQ-8): `dead_letter_ids` or a `filter`, and what is to be done. */
export class PlanRequest {
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @Matches(UUID, { each: true })
  dead_letter_ids?: string[];
  /** As in the list of dead letters; without `state`, those that are not closed. */
  @IsOptional() @IsObject() @ValidateNested() @Type(() => LetterFilter) filter?: LetterFilter;
  @IsIn(REPLAY_ACTIONS) action: ReplayAction;
  /** The stage that failed, unless said otherwise; never a later one. */
  @IsOptional() @IsIn(STAGES) start_stage?: Stage;
  /** With `correct_recipient`: for every item that has none of its own. */
  @IsOptional() @IsObject() @ValidateNested() @Type(() => RecipientRequest) corrected_recipient?: RecipientRequest;
  /** With `correct_recipient`: item by item. Where both are missing, the newest correction among its evidence counts. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => CorrectionRequest)
  corrections?: CorrectionRequest[];
  /** Why; `waive` must say. */
  @IsOptional() @IsString() @MaxLength(2_000) @Matches(WRITTEN_TEXT) reason?: string;
  /** How fast the items are asked for. */
  @IsOptional() @IsNumber() @Min(0.1) @Max(100) items_per_second?: number;
}

/** `GET /v1/replay-plans`. */
export class PlanListQuery extends PageQuery {
  @IsOptional() @IsIn(PLAN_STATES) state?: PlanState;
}

/** `GET /v1/replay-plans/{id}/items`. */
export class ItemListQuery extends PageQuery {
  @IsOptional() @IsIn(ITEM_STATES) state?: ItemState;
}
