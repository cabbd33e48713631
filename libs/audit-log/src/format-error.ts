/** What was read is not what its format says. */
export type FormatFault =
  | 'malformed_key'
  | 'malformed_note'
  | 'unknown_key'
  | 'bad_signature'
  | 'malformed_checkpoint'
  | 'malformed_proof'
  | 'malformed_entry';

export class FormatError extends Error {
  constructor(
    readonly code: FormatFault,
    detail: string,
  ) {
    super(detail);
  }
}
