import type { EventData } from './events.js';
import type { ActionRefusal, OperatorAction, RepeatKind } from './states.js';

/** An operator's act, from dead-letter to the owner of what it is done to. Asked once for each `action_id`. */
export interface ActionRequested extends EventData {
  action_id: string;
  action: OperatorAction;
  subject_type: 'delivery' | 'job' | 'destination';
  /** A delivery's or a job's id; a destination's name. */
  subject_id: string;
  /** Of the key that asks: nothing of others is touched (GEN-8). Null is every one. */
  sources: string[] | null;
  /** Of `send_again` alone. */
  as?: RepeatKind;
  reason: string;
  /** `key:<id>`. */
  actor: string;
}

/** What came of it; the same again for a request that comes again. */
export interface ActionAnswered extends EventData {
  action_id: string;
  action: OperatorAction;
  outcome: 'done' | 'refused';
  /** Why it was refused. */
  code: ActionRefusal | null;
  /** How many deliveries it was done to. */
  deliveries: number;
  /** The row that was made to send again. */
  delivery_id?: string | null;
}
