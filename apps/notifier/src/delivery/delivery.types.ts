import type { ReceiverAnswer } from '../providers/provider.js';
import type { RenderingInput } from '../rendering/index.js';
import type { LoadedDelivery } from './delivery.repository.js';
import type { Schedule } from './schedule.js';

/** The attempt under way, once its intent is committed or its outcome is known without one. */
export interface Attempt {
  /** The lease's token, which the intent bears; null where no intent was recorded. */
  token: string | null;
  outcome: 'not_sent' | 'ambiguous' | 'none';
}

/** What the queue hands to the worker for one delivery. */
export interface DeliveryBody extends LoadedDelivery {
  /** The review itself, where it came with the delivery and is small enough to be kept until it is sent. */
  at_hand?: () => RenderingInput;
  attempt?: Attempt;
  /** What the receiver said to it, be it yes or no. */
  answer?: ReceiverAnswer;
  /** The whole form was refused for its size: the limit of the compact one, which goes out next. */
  compact_next?: number;
  /** The time to give up has passed: this attempt is made whatever the circuit says, and ends the row if it fails (DEL-8). */
  is_last?: boolean;
}

export type DeliveryResult =
  /** `evidence_in_ms`: when its provider is to be asked for it; absent where it cannot be, or just was (DEL-11). */
  | { kind: 'sent'; notification_id: string; evidence_in_ms?: number }
  /** Nobody need be told any more (ING-6). */
  | { kind: 'superseded' }
  /** Nobody is to be told any more (ING-13). */
  | { kind: 'cancelled' }
  /** No finding is left of what the recipient asks for, and then it wants no word (DEL-16). */
  | { kind: 'below_threshold'; withheld: number }
  /** Settled, superseded or given to another meanwhile: nothing to store. */
  | { kind: 'obsolete' };

export interface DeliverySettings extends Schedule {
  instance: string;
  lease_ms: number;
  send_timeout_ms: number;
  /** Deliveries in hand of all replicas together; null: no such limit (WQ-5). */
  max_active: number | null;
  /** Bytes of reviews that deliveries being sent may hold at once. */
  max_body_bytes: number;
  circuit_failures: number;
  circuit_open_ms: number;
  circuit_max_open_ms: number;
  destination_failing_ms: number;
  fault_report_ms: number;
}
