import type { Policy } from '../policy.js';
import { REASON_CODES } from '../reason-codes.js';
import { explain, memberStart, versionCure, type Explanation } from '../repair/index.js';
import {
  isAcceptable,
  judgePromptVersion,
  judgeSchemaVersion,
  supportedPromptVersions,
  supportedSchemaVersions,
} from '../versions/judge-versions.js';
import type { Refusal } from './judge-top-level.js';
import { preview } from './text.js';

/** Explains the refusal of a document that parsed, or that was not even looked at (VAL-17). */
export function explainRefusal(
  { facts }: Refusal,
  parsed: { value: unknown; text: string | null; truncated: Explanation | null } | null,
  policy: Policy,
  source: string | null,
): Explanation {
  const text = parsed?.text ?? null;
  // A pointer to the document itself says that the member is missing.
  const member = facts.pointer === '' ? null : (facts.field ?? null);
  const at = text === null ? null : placeIn(text, member);
  const found = facts.from === undefined ? null : shown(facts.from, policy.redact);
  const expected = facts.expected ?? null;
  const { cure, sub_reason } = reasonOf(facts, parsed?.value, policy, source);
  return explain({ sub_reason, found, expected }, text, at, cure);
}

function reasonOf(
  { code, field, from, pointer }: Refusal['facts'],
  document: unknown,
  policy: Policy,
  source: string | null,
): { sub_reason: Explanation['sub_reason']; cure: string } {
  const { remedy } = REASON_CODES[code];
  if (field === 'schema_version') {
    const accepts = (text: string) => isAcceptable(judgeSchemaVersion(text, policy, source).verdict);
    return { sub_reason: 'version', cure: versionCure(field, from, accepts, supportedSchemaVersions(policy, source)) };
  }
  if (field === 'prompt_version') {
    const accepts = (text: string) => isAcceptable(judgePromptVersion(text, policy));
    return { sub_reason: 'version', cure: versionCure(field, from, accepts, supportedPromptVersions(policy)) };
  }
  const isList = pointer === '' && Array.isArray(document);
  return { sub_reason: isList ? 'list_instead_of_object' : 'other', cure: remedy };
}

/** Where the member stands, or where the document begins when it has none of that name. */
function placeIn(text: string, field: string | null): number {
  return (field === null ? null : memberStart(text, field)) ?? text.length - text.trimStart().length;
}

/** A value as it was written; null for what has members. */
function shown(value: unknown, redact: (text: string) => string): string | null {
  return typeof value === 'object' && value !== null ? null : preview(JSON.stringify(value), redact);
}
