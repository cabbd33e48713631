import { canonicalRecipient, CHANNELS, isChannel, recipientKey } from '@assay/contracts';
import type { FieldError, Recipient } from '@assay/contracts';
import { unknownField } from './fields.js';

const MAX_RECIPIENTS = 100;
const MAX_ADDRESS_CHARACTERS = 512;
const NOT_A_CHANNEL = `must be one of ${CHANNELS.join(', ')}, or begin with x- for a provider of your own`;

/** The canonical recipients (ING-1); faults go to `errors`. A dry run may leave them out, and then there are none. */
export function readRecipients(value: unknown, may_be_absent: boolean, errors: FieldError[]): Recipient[] {
  if (value === undefined && may_be_absent) return [];
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RECIPIENTS) {
    const code = value === undefined ? 'required' : 'invalid_value';
    errors.push({ pointer: '/recipients', code, detail: `must be a list of 1 to ${MAX_RECIPIENTS} recipients` });
    return [];
  }
  const seen = new Set<string>();
  return value.flatMap((entry: unknown, index) => {
    const pointer = `/recipients/${index}`;
    const recipient = readRecipient(entry, pointer, errors);
    if (recipient === null) return [];
    const key = recipientKey(recipient);
    if (seen.has(key)) errors.push({ pointer, code: 'duplicate', detail: 'stands in the list already' });
    seen.add(key);
    return [recipient];
  });
}

function readRecipient(entry: unknown, pointer: string, errors: FieldError[]): Recipient | null {
  // What is no object has neither field, and is told so.
  const isObject = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  const { channel, address, ...unknown } = (isObject ? entry : {}) as Record<string, unknown>;
  const faults = Object.keys(unknown).map((name) => unknownField(pointer, name));
  if (!isChannel(channel)) faults.push(fault(`${pointer}/channel`, channel, NOT_A_CHANNEL));
  if (typeof address !== 'string' || address.length > MAX_ADDRESS_CHARACTERS) {
    const detail = `must be a text of at most ${MAX_ADDRESS_CHARACTERS} characters`;
    faults.push(fault(`${pointer}/address`, address, detail));
  }
  errors.push(...faults);
  if (faults.length > 0) return null;
  const given = { channel, address } as Recipient;
  const recipient = canonicalRecipient(given);
  if (recipient === null) errors.push({ pointer: `${pointer}/address`, code: 'invalid_value', detail: refusal(given) });
  return recipient;
}

function fault(pointer: string, value: unknown, detail: string): FieldError {
  return { pointer, code: value === undefined ? 'required' : 'invalid_value', detail };
}

function refusal({ channel, address }: Recipient): string {
  return channel === 'email' ? `${shown(address)}is not a mail address` : 'is not the name of an endpoint';
}

/** An address is no secret; what may be none (a URL with a password, a token) is not shown (ING-10). */
function shown(address: string): string {
  return /^[^\s@/:]+@[^\s@/:]+$/.test(address.trim()) ? `${JSON.stringify(address)} ` : '';
}
