import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
  validateSync,
} from 'class-validator';
import type { ValidationError } from 'class-validator';
import { CHANNELS } from '@assay/contracts';
import type { Channel, FieldError } from '@assay/contracts';
import { JUDGED_SUBMISSION_SCHEMA } from '@assay/review-engine';

/** Optional means absent: `null` is a wrong type, since the stored body goes on as it came and readers want a value. */
const MayBeAbsent = () => ValidateIf((_object, value) => value !== undefined);

export class RecipientEnvelope {
  @IsIn(CHANNELS)
  channel: Channel;

  @IsString()
  @MaxLength(512)
  address: string;
}

/**
 * A submission without its two large members, `changed_files` and `review_result`: plain code checks those
 * (submission-shape.ts). Instances are filled by hand: class-transformer copies deeply, and it took 50 times as long as
 * this check (270 against 6 µs a submission).
 */
export class SubmissionEnvelope {
  @MayBeAbsent()
  @Matches(/^[\x21-\x7e]{1,255}$/, { message: 'must be 1 to 255 printable ASCII characters without spaces' })
  idempotency_key?: string;

  @Matches(/^[A-Za-z0-9._:/@#+-]{1,128}$/, {
    message: 'must be an integer or a string of 1 to 128 of A-Z a-z 0-9 . _ : / @ # + -',
  })
  changelist_id: string;

  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  review_version: number;

  @MayBeAbsent()
  @IsBoolean()
  rerun?: boolean;

  @MayBeAbsent()
  @IsInt()
  @Min(0)
  @Max(9)
  priority?: number;

  @ValidateIf((_object, value) => value !== undefined && value !== null)
  @IsString()
  root?: string | null;

  @MayBeAbsent()
  @IsBoolean()
  case_insensitive_paths?: boolean;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  recipients: RecipientEnvelope[];

  @MayBeAbsent()
  @IsIn(['json', 'sarif'])
  review_result_format?: 'json' | 'sarif';
}

/** For the API document: what plain code judges, beside the envelope's own members (submission-shape.ts). */
export const SUBMISSION_BODY = {
  required: ['changed_files', 'review_result'],
  properties: {
    ...JUDGED_SUBMISSION_SCHEMA.properties,
    changelist_id: {
      anyOf: [
        { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        { type: 'string', pattern: '^[A-Za-z0-9._:/@#+-]{1,128}$' },
      ],
    },
    recipients: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      description: 'Each once, compared as they are told: mail domains in lower case and punycode.',
      items: {
        type: 'object',
        required: ['channel', 'address'],
        additionalProperties: false,
        properties: {
          channel: { type: 'string', enum: CHANNELS },
          address: {
            type: 'string',
            maxLength: 512,
            description: 'A mail address, or the name of a webhook endpoint.',
          },
        },
      },
    },
    review_result_format: { type: 'string', enum: ['json', 'sarif'], default: 'json' },
  },
};

const ENVELOPE_FIELDS = new Set([
  'idempotency_key',
  'changelist_id',
  'review_version',
  'rerun',
  'priority',
  'root',
  'case_insensitive_paths',
  'recipients',
  'review_result_format',
]);
const RECIPIENT_FIELDS = new Set(['channel', 'address']);
/** What is checked elsewhere, and so is no unknown field. */
const LARGE_MEMBERS = new Set(['changed_files', 'review_result']);

/**
 * The envelope of a parsed body, with every fault that it has. It is only to be used when there is none.
 * Only known names ever become properties: class-validator's own whitelist stumbles over one called `constructor`,
 * and does not see `__proto__`.
 */
export function readEnvelope(body: Record<string, unknown>): { envelope: SubmissionEnvelope; errors: FieldError[] } {
  const envelope = new SubmissionEnvelope();
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (LARGE_MEMBERS.has(name)) continue;
    if (!ENVELOPE_FIELDS.has(name)) errors.push(unknownField('', name));
    else Object.assign(envelope, { [name]: name === 'recipients' ? recipientEnvelopes(value, errors) : value });
  }
  // An integer is as good as a string (ING-1); a safe one only, as any other has been rounded by now.
  const id: unknown = body['changelist_id'];
  if (Number.isSafeInteger(id)) envelope.changelist_id = String(id);
  errors.push(...validateSync(envelope).flatMap((fault) => fieldErrors(fault, '')));
  return { envelope, errors };
}

function recipientEnvelopes(value: unknown, errors: FieldError[]): unknown {
  // Null is as wrong as anything else that is no list, and class-validator does not look inside it.
  if (!Array.isArray(value)) return value === undefined ? undefined : null;
  // Past the limit nothing is looked at: the list is refused for its length.
  return value.slice(0, 101).map((entry: unknown, index) => {
    const recipient = new RecipientEnvelope();
    // What is no object has neither field, and is told so; class-validator itself lets a null entry pass.
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return recipient;
    for (const [name, member] of Object.entries(entry)) {
      if (RECIPIENT_FIELDS.has(name)) Object.assign(recipient, { [name]: member });
      else errors.push(unknownField(`/recipients/${index}`, name));
    }
    return recipient;
  });
}

function unknownField(parent: string, name: string): FieldError {
  return { pointer: `${parent}/${escapePointer(name)}`, code: 'unknown_field', detail: 'is not a field here' };
}

/** A pointer per bad field (ING-10). Values are never shown: they may be secrets. */
function fieldErrors(fault: ValidationError, parent: string): FieldError[] {
  const pointer = `${parent}/${escapePointer(fault.property)}`;
  const code = fault.value === undefined ? 'required' : 'invalid_value';
  const own = Object.values(fault.constraints ?? {}).map((detail) => ({ pointer, code, detail }));
  return [...own.slice(0, 1), ...(fault.children ?? []).flatMap((child) => fieldErrors(child, pointer))];
}

/** One segment of a JSON Pointer, cut, as an unknown field's name can be of any length. */
function escapePointer(segment: string): string {
  return segment.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1');
}
