import { canonicalRecipient, CHANNEL_PATTERN, DELIVERY_STATES } from '@assay/contracts';
import type { Channel } from '@assay/contracts';
import { invalid } from '@assay/service';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { behindDestination } from '../providers/index.js';
import type { BehindDestination } from '../providers/index.js';

const STATE = `(${DELIVERY_STATES.join('|')})`;
const asNumber = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;

/** `GET /v1/deliveries`: the filters are joined by "and". */
export class DeliveryListQuery {
  /** A mail address, or an endpoint's name; found however its domain is written. */
  @IsOptional() @IsString() @MaxLength(500) @Matches(/^[^\0]+$/) recipient?: string;
  @IsOptional() @Matches(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) job_id?: string;
  /** Its idempotency key: the `webhook-id`, or the `Message-ID` of a mail. */
  @IsOptional() @IsString() @MaxLength(500) @Matches(/(^|[^0-9a-f])[0-9a-f]{64}([^0-9a-f]|$)/) key?: string;
  /** `smtp`, `mail_api:<service>`, `webhook:<endpoint>`, `slack:<hook>`, or a channel of one's own with its endpoint. */
  @IsOptional() @IsString() @MaxLength(200) @Matches(/^[^\0]+$/) destination?: string;
  /** One or several: `retry_scheduled,unknown`. */
  @IsOptional() @Matches(new RegExp(`^${STATE}(,${STATE})*$`)) state?: string;
  @IsOptional() @Matches(CHANNEL_PATTERN) channel?: Channel;
  @IsOptional() @Transform(asNumber) @IsInt() @Min(1) @Max(200) limit?: number;
  @IsOptional() @IsString() cursor?: string;
}

/** A filter as the statement takes it; what was not asked for is null. */
export interface DeliveryFilter {
  /** As written, and as it would be stored. */
  addresses: string[] | null;
  job_id: string | null;
  key: string | null;
  behind: BehindDestination | null;
  states: string[] | null;
  channel: Channel | null;
  /** Those of the key that asks; null is every one. */
  sources: string[] | null;
}

export function filterOf(query: DeliveryListQuery, sources: string[] | null): DeliveryFilter {
  const { recipient, job_id, key, destination, state, channel } = query;
  return {
    addresses: recipient === undefined ? null : formsOf(recipient),
    job_id: job_id ?? null,
    key: key === undefined ? null : /[0-9a-f]{64}/.exec(key)![0],
    behind: destination === undefined ? null : behindOf(destination),
    states: state?.split(',') ?? null,
    channel: channel ?? null,
    sources,
  };
}

function formsOf(recipient: string): string[] {
  const mail = canonicalRecipient({ channel: 'email', address: recipient });
  return [...new Set([recipient, ...(mail ? [mail.address] : [])])];
}

function behindOf(destination: string): BehindDestination {
  const behind = behindDestination(destination);
  if (behind) return behind;
  const detail = 'must be smtp, mail_api:<service>, webhook:<endpoint>, slack:<hook>, or x-<channel>:<endpoint>';
  throw invalid([{ pointer: '?destination', code: 'invalid_value', detail }]);
}

/** Opaque to callers: the id of the last delivery that a page has looked at. */
export function encodeCursor(id: string): string {
  return Buffer.from(`dv:${id}`).toString('base64url');
}

export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const [, id] = /^dv:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(text) ?? [];
  if (id !== undefined) return id;
  const detail = 'must be the next_cursor of a page before';
  throw invalid([{ pointer: '?cursor', code: 'invalid_value', detail }]);
}
