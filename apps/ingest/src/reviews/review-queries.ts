import { JOB_STATES } from '@assay/contracts';
import type { JobState } from '@assay/contracts';
import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';

/** Query of `GET /v1/reviews/{id}`. */
export class ReviewQuery {
  /** Seconds to wait for the job's end, 0 to 60. */
  @IsOptional()
  @Matches(/^([0-5]?\d|60)$/, { message: 'wait_s must be 0 to 60' })
  wait_s?: string;
}

/** Query of `GET /v1/reviews`. */
export class ReviewListQuery {
  @IsOptional()
  @Matches(/^[A-Za-z0-9._:/@#+-]{1,128}$/, { message: 'changelist_id must be one' })
  changelist_id?: string;

  @IsOptional()
  @IsIn(JOB_STATES)
  state?: JobState;

  @IsOptional()
  @IsString()
  @MaxLength(40)
  created_after?: string;

  @IsOptional()
  @Matches(/^([1-9]\d?|1\d\d|200)$/, { message: 'limit must be 1 to 200' })
  limit?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  cursor?: string;
}
