/** What a recipient reads, made from the frozen input alone: the same input gives the same bytes (DEL-12). */
export interface Payload {
  /** SHA-256 of the bytes, 64 hex digits; frozen by the first intent (DEL-3). */
  readonly hash: string;
  /** How long it is, as far as receivers limit that. */
  readonly bytes: number;
}
