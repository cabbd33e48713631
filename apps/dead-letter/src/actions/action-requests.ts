import { OPERATOR_ACTIONS, REPEAT_KINDS, UUID, WRITTEN_TEXT } from '@assay/contracts';
import type { ActionRequested, FieldError, OperatorAction, RepeatKind } from '@assay/contracts';
import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';

/** `POST /v1/actions`: what is to be done, to exactly one of four, and why. */
export class ActionRequest {
  @IsIn(OPERATOR_ACTIONS) action: OperatorAction;
  @IsOptional() @Matches(UUID) delivery_id?: string;
  /** All that waits of a job. */
  @IsOptional() @Matches(UUID) job_id?: string;
  /** All that waits for `smtp` or `webhook:<endpoint>`, within the sources of the key. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(WRITTEN_TEXT) destination?: string;
  /** The same, for the destination or the credential that a dead letter is about. */
  @IsOptional() @Matches(UUID) dead_letter_id?: string;
  /** Of `send_again`: a message of its own (`again`, unless said otherwise), or the one that a receiver may know. */
  @IsOptional() @IsIn(REPEAT_KINDS) as?: RepeatKind;
  @IsString() @MaxLength(2_000) @Matches(WRITTEN_TEXT) reason: string;
}

export type ActionSubject = Pick<ActionRequested, 'subject_type' | 'subject_id'>;

const NAMES = ['delivery_id', 'job_id', 'destination', 'dead_letter_id'] as const;

/** What is wrong with a request whose fields are well formed each. */
export function actionFaults(request: ActionRequest): FieldError[] {
  const [first, ...more] = NAMES.filter((name) => request[name] !== undefined);
  if (request.action === 'send_again') {
    if (first !== 'delivery_id')
      return [{ pointer: '/delivery_id', code: 'required', detail: 'says what to send again' }];
    return more.map((name) => ({ pointer: `/${name}`, code: 'unknown_field', detail: 'one delivery is sent again' }));
  }
  if (request.as !== undefined)
    return [{ pointer: '/as', code: 'unknown_field', detail: 'belongs to send_again alone' }];
  const detail = `exactly one of ${NAMES.join(', ')} must say to what`;
  if (first === undefined) return [{ pointer: '/delivery_id', code: 'required', detail }];
  return more.map((name) => ({ pointer: `/${name}`, code: 'invalid_value', detail }));
}

/** Null where a dead letter says to what. */
export function namedSubject({ delivery_id, job_id, destination }: ActionRequest): ActionSubject | null {
  if (delivery_id !== undefined) return { subject_type: 'delivery', subject_id: delivery_id };
  if (job_id !== undefined) return { subject_type: 'job', subject_id: job_id };
  return destination === undefined ? null : { subject_type: 'destination', subject_id: destination };
}
