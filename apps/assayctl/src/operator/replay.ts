import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { painter, UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import type { Item, Page, Plan } from './answers.js';
import type { ApiClient } from './api-client.js';
import { idOf, show } from './dead-letters.js';
import { FILTER_OPTIONS, filtersOf } from './filters.js';
import type { Shown, Subcommand } from './run-operator.js';

const PATH = 'v1/replay-plans';
const PAGE = '200';
const LOOK_MS = 500;
const OVER = ['completed', 'cancelled'];
const A_PLAN = 'the id of a plan';

const plan: Subcommand = {
  options: {
    ...FILTER_OPTIONS,
    action: { type: 'string' },
    'start-stage': { type: 'string' },
    recipient: { type: 'string' },
    correct: { type: 'string', multiple: true },
    reason: { type: 'string' },
    rate: { type: 'string' },
    'idempotency-key': { type: 'string' },
  },
  positionals: [0, 10_000],
  async run(given, api, terminal) {
    const headers = { 'idempotency-key': textOption(given, 'idempotency-key') ?? randomUUID() };
    const made = await api.post<Plan>(PATH, requestOf(given), headers);
    const items = await itemsOf(api, made.id);
    return { json: { ...made, items }, text: planText(made, terminal) + itemsText(items, terminal) };
  },
};

function requestOf(given: Arguments): object {
  const filter = filtersOf(given);
  const named = given.positionals.length > 0;
  if (named === Object.keys(filter).length > 0) {
    throw new UsageError('say which: the ids of dead letters, or filters as in dead-letters list');
  }
  const rate = textOption(given, 'rate');
  const recipient = textOption(given, 'recipient');
  const corrections = given.values['correct'];
  return {
    ...(named ? { dead_letter_ids: given.positionals } : { filter }),
    action: textOption(given, 'action') ?? 'replay',
    start_stage: textOption(given, 'start-stage'),
    corrected_recipient: recipient === undefined ? undefined : recipientOf(recipient),
    corrections: Array.isArray(corrections) ? corrections.map(correctionOf) : undefined,
    reason: textOption(given, 'reason'),
    items_per_second: rate === undefined ? undefined : numberOf(rate),
  };
}

/** `email:dana@example.com`, `webhook:ci-bot`. */
function recipientOf(text: string): { channel: string; address: string } {
  const [, channel, address] = /^([a-z][a-z0-9-]*):(.+)$/s.exec(text) ?? [];
  if (channel === undefined) throw new UsageError(`${JSON.stringify(text)} is not CHANNEL:ADDRESS`);
  return { channel, address: address! };
}

function correctionOf(text: string): object {
  const [, dead_letter_id, recipient] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (dead_letter_id === undefined) throw new UsageError(`${JSON.stringify(text)} is not ID=CHANNEL:ADDRESS`);
  return { dead_letter_id, ...recipientOf(recipient!) };
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || Number.isNaN(number)) throw new UsageError(`--rate ${JSON.stringify(text)} is no number`);
  return number;
}

const ACTIONS = ['execute', 'pause', 'resume', 'cancel'] as const;
const actions = Object.fromEntries(
  ACTIONS.map((action): [string, Subcommand] => [
    action,
    {
      options: { watch: { type: 'boolean' } },
      positionals: [1, 1],
      async run(given, api, terminal) {
        const acted = await api.post<Plan>(`${PATH}/${idOf(given, A_PLAN)}/${action}`, {});
        return given.values['watch'] ? watch(api, acted, terminal) : planShown(acted, terminal);
      },
    },
  ]),
);

/** Without an id it lists plans. */
const status: Subcommand = {
  options: { watch: { type: 'boolean' }, state: { type: 'string' }, cursor: { type: 'string' } },
  positionals: [0, 1],
  async run(given, api, terminal) {
    if (given.positionals.length === 0) return plans(given, api, terminal);
    const found = await api.get<Plan>(`${PATH}/${idOf(given, A_PLAN)}`);
    if (given.values['watch']) return watch(api, found, terminal);
    const items = await itemsOf(api, found.id);
    const { exit_code } = planShown(found, terminal);
    const text = planText(found, terminal) + itemsText(items, terminal);
    return { json: { ...found, items }, text, exit_code };
  },
};

async function plans(given: Arguments, api: ApiClient, terminal: Terminal): Promise<Shown> {
  const query = { state: textOption(given, 'state'), cursor: textOption(given, 'cursor') };
  const page = await api.get<Page<Plan>>(PATH, query);
  const rows = page.items.map((one) => [
    ...[one.id, one.state, one.action, one.created_at.slice(0, 19), one.created_by, progressText(one)],
  ]);
  const more = page.next_cursor === null ? '' : `more: --cursor ${page.next_cursor}\n`;
  return { json: page, text: show(['plan', 'state', 'action', 'created', 'by', 'items'], rows, terminal) + more };
}

/** Until the plan is over; a line on standard error for each change. */
async function watch(api: ApiClient, from: Plan, terminal: Terminal): Promise<Shown> {
  let current = from;
  let told = '';
  for (;;) {
    const line = `${current.state}: ${progressText(current)}`;
    if (line !== told) terminal.err(`${line}\n`);
    told = line;
    if (OVER.includes(current.state) && !isUnderWay(current)) return planShown(current, terminal);
    await delay(LOOK_MS);
    current = await api.get<Plan>(`${PATH}/${from.id}`);
  }
}

/** What a cancelled plan had asked for runs its course. */
function isUnderWay({ progress }: Plan): boolean {
  return (progress['requested'] ?? 0) + (progress['accepted'] ?? 0) > 0;
}

/** 1 once a plan is over that has not resolved all that it took on. */
function planShown(plan: Plan, terminal: Terminal): Shown {
  const { resolved = 0, excluded: _, ...others } = plan.progress;
  const unresolved = Object.values(others).reduce((sum, items) => sum + items, 0);
  const failed = OVER.includes(plan.state) && (unresolved > 0 || resolved === 0);
  return { json: plan, text: planText(plan, terminal), exit_code: failed ? 1 : 0 };
}

function planText(plan: Plan, terminal: Terminal): string {
  const paint = painter(terminal);
  const rate = `${plan.items_per_second} a second`;
  return `${paint('bold', `plan ${plan.id}`)}  ${plan.state}  ${plan.action}, ${rate}\n  ${progressText(plan)}\n`;
}

function progressText({ progress }: Plan): string {
  const parts = Object.entries(progress).map(([state, items]) => `${items} ${state}`);
  return parts.join(', ') || 'no items';
}

async function itemsOf(api: ApiClient, plan_id: string): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page: Page<Item> = await api.get<Page<Item>>(`${PATH}/${plan_id}/items`, { limit: PAGE, cursor });
    items.push(...page.items);
    if (page.next_cursor === null) return items;
    cursor = page.next_cursor;
  }
}

function itemsText(items: readonly Item[], terminal: Terminal): string {
  const rows = items.map(({ dead_letter_id, source, stage, error_class, start_stage, state, code }) => [
    ...[dead_letter_id, source, stage, error_class, start_stage, state, code ?? ''],
  ]);
  return show(['dead letter', 'source', 'failed at', 'class', 'from', 'item', 'code'], rows, terminal);
}

export const REPLAY: Readonly<Record<string, Subcommand>> = { plan, ...actions, status };
