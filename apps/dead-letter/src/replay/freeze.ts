import { canonicalRecipient, Problem } from '@assay/contracts';
import type { FieldError, Recipient, Stage } from '@assay/contracts';
import { v7 } from 'uuid';
import type { CandidateRow } from './candidates.repository.js';
import type { PlanRequest } from './plan-requests.js';
import type { ReplayItem } from './replay-plan.js';
import { firstFault, safetyChecks } from './safety-checks.js';

const MAX_NAMED = 100;

/** What is wrong with a request whose fields are well formed each. */
export function planFaults(request: PlanRequest): FieldError[] {
  const { dead_letter_ids, filter, action, corrected_recipient, corrections, reason } = request;
  const faults: FieldError[] = [];
  const fault = (pointer: string, code: string, detail: string) => faults.push({ pointer, code, detail });
  if ((dead_letter_ids === undefined) === (filter === undefined)) {
    fault('/dead_letter_ids', 'invalid_value', 'either dead_letter_ids or filter must say which');
  }
  if (filter && Object.values(filter).every((value) => value === undefined)) {
    fault('/filter', 'invalid_value', 'must have at least one member: everything is not meant by saying nothing');
  }
  if (action === 'waive' && reason === undefined) fault('/reason', 'required', 'belongs to every waive');
  if (action !== 'correct_recipient') {
    const detail = 'belongs to correct_recipient alone';
    if (corrected_recipient) fault('/corrected_recipient', 'unknown_field', detail);
    if (corrections) fault('/corrections', 'unknown_field', detail);
  }
  if (corrected_recipient && !canonicalRecipient(corrected_recipient)) {
    fault('/corrected_recipient/address', 'invalid_value', 'is not an address of its channel');
  }
  const named = dead_letter_ids && new Set(dead_letter_ids);
  for (const [index, one] of (corrections ?? []).entries()) {
    const pointer = `/corrections/${index}`;
    if (!canonicalRecipient(one)) fault(`${pointer}/address`, 'invalid_value', 'is not an address of its channel');
    if (named && !named.has(one.dead_letter_id)) {
      fault(`${pointer}/dead_letter_id`, 'invalid_value', 'is none of dead_letter_ids');
    }
  }
  return faults;
}

/** The items of a plan, each with its checks; those that do not pass are excluded (DLQ-8). */
export function freeze(
  candidates: readonly CandidateRow[],
  request: PlanRequest,
  plan: { id: string; max_generations: number },
): ReplayItem[] {
  const corrections = new Map((request.corrections ?? []).map((one) => [one.dead_letter_id, one]));
  return candidates.map((letter, position) => {
    const { action } = request;
    const start_stage = request.start_stage ?? (letter.stage as Stage);
    const wanted = corrections.get(letter.id) ?? request.corrected_recipient ?? letter.correction;
    const corrected_recipient = action === 'correct_recipient' ? canonicalOrNull(wanted) : null;
    const { job_generation: generation, in_another_plan, has_evidence } = letter;
    const checks = safetyChecks({
      ...{ letter, action, start_stage, generation, in_another_plan, has_evidence },
      ...{ has_corrected_recipient: corrected_recipient !== null, max_generations: plan.max_generations },
    });
    const code = firstFault(checks);
    return {
      ...{
        id: v7(),
        plan_id: plan.id,
        position,
        dead_letter_id: letter.id,
        error_class: letter.error_class,
        job_id: letter.job_id,
        action,
        start_stage,
      },
      ...{ corrected_recipient, checks, state: code === null ? 'pending' : 'excluded', code },
      ...{
        requested_generation: null,
        accepted_generation: null,
        job_generation: null,
        requested_at: null,
        changes: 0,
      },
    };
  });
}

function canonicalOrNull(recipient: Recipient | null): Recipient | null {
  return recipient && canonicalRecipient({ channel: recipient.channel, address: recipient.address });
}

/**
 * Refuses a plan that could do nothing, or that names dead letters without evidence (DLQ-7): who names one wants it
 * replayed. Out of a filter those without are excluded, as long as others are left.
 */
export function refuseWhereVain(items: readonly ReplayItem[], { dead_letter_ids }: PlanRequest): void {
  const bare = items.filter(({ code }) => code === 'evidence_required');
  const none_left = items.every(({ state }) => state === 'excluded');
  if (bare.length > 0 && (dead_letter_ids !== undefined || none_left)) {
    throw new Problem('evidence_required', {
      detail: 'Attach evidence to each, or to the incident that it belongs to: what was done about the cause?',
      errors: errorsOf(bare, dead_letter_ids),
      extensions: { dead_letter_ids: idsOf(bare) },
    });
  }
  if (none_left) {
    throw new Problem('nothing_to_replay', {
      errors: errorsOf(items, dead_letter_ids),
      extensions: { dead_letter_ids: idsOf(items) },
    });
  }
}

function idsOf(items: readonly ReplayItem[]): string[] {
  return items.slice(0, MAX_NAMED).map(({ dead_letter_id }) => dead_letter_id);
}

/** By pointer where the request named them, else by id. */
function errorsOf(items: readonly ReplayItem[], dead_letter_ids: string[] | undefined): FieldError[] {
  return items.slice(0, MAX_NAMED).map(({ dead_letter_id, code }) => {
    const index = dead_letter_ids?.indexOf(dead_letter_id);
    const pointer = index === undefined ? '/filter' : `/dead_letter_ids/${index}`;
    return { pointer, code: code ?? 'excluded', detail: `dead letter ${dead_letter_id}` };
  });
}
