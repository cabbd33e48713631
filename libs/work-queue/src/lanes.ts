/**
 * What a queue's handler says of its lanes (WQ-9). A lane is whatever has room of its own for work: an endpoint, a mail
 * provider with a domain. The worker asks before it claims, and of what a lane has no room for it claims nothing. Asked
 * synchronously and often; what it answers holds within this process.
 */
export interface Lanes {
  /**
   * Room for one more item, taken if there is any. False where the lane is full, its rate spent, or its circuit open and
   * nothing may go as a probe.
   *
   * @param overdue for an item that no open circuit holds back any longer: room and rate alone count
   */
  take(lane: string, overdue: boolean): boolean;
  /** Room that was taken is free again: the item's outcome is known, or (`used` false) there was none to give it to. */
  leave(lane: string, used: boolean): void;
  /** In how many ms there may be room where there is none now; null where that comes with an item that leaves. */
  roomInMs(lane: string): number | null;
}
