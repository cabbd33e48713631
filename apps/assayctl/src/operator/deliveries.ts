import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { painter, printable, UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import type { Action, Delivery, DeliverySummary, Page } from './answers.js';
import type { ApiClient } from './api-client.js';
import { idOf, show } from './dead-letters.js';
import { everyPage } from './pages.js';
import type { Shown, Subcommand } from './run-operator.js';

const PATH = 'v1/deliveries';
const ACTIONS_PATH = 'v1/actions';
const A_DELIVERY = 'the id of a delivery';
const LOOK_MS = 250;
/** An act is done within a second where all is well. */
const PATIENCE_MS = 30_000;

const FILTERS = ['recipient', 'job', 'key', 'destination', 'state', 'channel'] as const;
const text = { type: 'string' } as const;

const list: Subcommand = {
  service: 'notifier',
  options: {
    ...Object.fromEntries(FILTERS.map((name) => [name, text])),
    ...{ limit: text, cursor: text, all: { type: 'boolean' } },
  },
  positionals: [0, 0],
  async run(given, api, terminal) {
    const filters = FILTERS.map((name) => [name === 'job' ? 'job_id' : name, textOption(given, name)]);
    const query = {
      ...(Object.fromEntries(filters) as Record<string, string | undefined>),
      ...{ limit: textOption(given, 'limit'), cursor: textOption(given, 'cursor') },
    };
    const page = given.values['all']
      ? await everyPage<DeliverySummary>(api, { path: PATH, query, what: 'deliveries' }, terminal)
      : await api.get<Page<DeliverySummary>>(PATH, query);
    const rows = page.items.map((one) => [
      ...[one.id, one.state, one.channel, one.address, one.source, `${one.changelist_id}/${one.review_version}`],
      ...[String(one.attempts), one.code ?? '', whenOf(one)],
    ]);
    const headings = ['id', 'state', 'channel', 'to', 'source', 'change', 'attempts', 'code', 'when'];
    const more = page.next_cursor === null ? '' : `more: --cursor ${page.next_cursor}\n`;
    return { json: page, text: show(headings, rows, terminal) + more };
  },
};

function whenOf({ notified_at, next_attempt_at }: DeliverySummary): string {
  if (notified_at !== null) return `told ${notified_at.slice(0, 19)}`;
  return next_attempt_at === null ? '' : `next ${next_attempt_at.slice(0, 19)}`;
}

const show_one: Subcommand = {
  service: 'notifier',
  options: {},
  positionals: [1, 1],
  async run(given, api, terminal) {
    const delivery = await api.get<Delivery>(`${PATH}/${idOf(given, A_DELIVERY)}`);
    return { json: delivery, text: deliveryText(delivery, terminal) };
  },
};

function deliveryText(delivery: Delivery, terminal: Terminal): string {
  const paint = painter(terminal);
  const { state, code, attempts, channel, address, destination, key, answer } = delivery;
  const facts: [string, string | null][] = [
    ['state', `${state}${code === null ? '' : ` (${code})`}, ${attempts} attempts`],
    ['to', `${channel} ${address}, by ${destination}`],
    ['job', `${delivery.job_id}, generation ${delivery.generation}`],
    ['change', `${delivery.source} ${delivery.changelist_id} version ${delivery.review_version}`],
    ['told', delivery.notified_at && `${delivery.notified_at} as ${delivery.notification_id}`],
    ['in doubt', delivery.intent_at ?? delivery.maybe_sent_at],
    ['next', delivery.next_attempt_at],
    ['answer', answer && [answer.status, ...headersOf(answer.headers), answer.text].join(' ').trim()],
    ['key', key],
    ['repeats', delivery.repeats && `${delivery.repeats}, for the ${delivery.repeat}. time`],
    ['became', delivery.replaced_by],
    ['waived', delivery.waived_for],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === null ? [] : [`  ${paint('dim', name.padEnd(8))} ${printable(value)}\n`],
  );
  const steps = delivery.transitions.map((step) => [step.at, step.to_state, step.cause, step.actor, step.code ?? '']);
  const history = show(['at', 'became', 'cause', 'by', 'code'], steps, terminal);
  return `${paint('bold', `delivery ${delivery.id}`)}\n${lines.join('')}\n${history}`;
}

const headersOf = (headers: Record<string, string>) =>
  Object.entries(headers).map(([name, value]) => `${name}: ${value};`);

/** Waits for the answer, which says how many became due. */
const send_now: Subcommand = {
  options: { job: text, destination: text, 'dead-letter': text, reason: text, 'idempotency-key': text },
  positionals: [0, 1],
  run: (given, api) => act(given, api, { action: 'send_now', ...subjectOf(given) }),
};

/** One that was sent; `--same` leaves it to the receiver to drop what it knows. */
const send_again: Subcommand = {
  options: { same: { type: 'boolean' }, reason: text, 'idempotency-key': text },
  positionals: [1, 1],
  run(given, api) {
    const as = given.values['same'] === true ? 'the_same' : 'again';
    return act(given, api, { action: 'send_again', delivery_id: given.positionals[0], as });
  },
};

async function act(given: Arguments, api: ApiClient, what: object): Promise<Shown> {
  const reason = textOption(given, 'reason');
  if (reason === undefined) throw new UsageError('say why: --reason');
  const headers = { 'idempotency-key': textOption(given, 'idempotency-key') ?? randomUUID() };
  return actionShown(await answered(await api.post<Action>(ACTIONS_PATH, { ...what, reason }, headers), api));
}

function subjectOf(given: Arguments): Record<string, string> {
  const named: [string, string | undefined][] = [
    ['delivery_id', given.positionals[0]],
    ['job_id', textOption(given, 'job')],
    ['destination', textOption(given, 'destination')],
    ['dead_letter_id', textOption(given, 'dead-letter')],
  ];
  const said = named.filter((one): one is [string, string] => one[1] !== undefined);
  if (said.length !== 1) throw new UsageError('say what: a delivery, or --job, --destination or --dead-letter');
  return Object.fromEntries(said);
}

async function answered(asked: Action, api: ApiClient): Promise<Action> {
  const until_ms = performance.now() + PATIENCE_MS;
  let current = asked;
  while (current.state === 'requested' && performance.now() < until_ms) {
    await delay(LOOK_MS);
    current = await api.get<Action>(`${ACTIONS_PATH}/${asked.action_id}`);
  }
  return current;
}

/** Without an id it lists acts, newest first. */
const actions: Subcommand = {
  options: { cursor: text },
  positionals: [0, 1],
  async run(given, api, terminal) {
    const [id] = given.positionals;
    if (id !== undefined) return actionShown(await api.get<Action>(`${ACTIONS_PATH}/${encodeURIComponent(id)}`));
    const page = await api.get<Page<Action>>(ACTIONS_PATH, { cursor: textOption(given, 'cursor') });
    const rows = page.items.map((one) => [
      ...[one.action_id, one.action, one.requested_at.slice(0, 19), one.actor, outcomeOf(one)],
      ...[`${one.subject_type} ${one.subject_id}`, one.reason],
    ]);
    const more = page.next_cursor === null ? '' : `more: --cursor ${page.next_cursor}\n`;
    return { json: page, text: show(['act', 'what', 'when', 'by', 'outcome', 'to', 'reason'], rows, terminal) + more };
  },
};

function outcomeOf({ state, code, deliveries, delivery_id }: Action): string {
  if (state === 'requested') return 'not answered yet';
  if (state !== 'done') return code ?? state;
  return delivery_id === null ? `${deliveries} due now` : `by delivery ${delivery_id}`;
}

/** 1 where nothing was done, or nothing is known of it yet. */
function actionShown(action: Action): Shown {
  const { action_id, action: what, state, subject_type, subject_id } = action;
  const line = `${what} ${subject_type} ${printable(subject_id)}: ${outcomeOf(action)} (act ${action_id})\n`;
  return { json: action, text: line, exit_code: state === 'done' ? 0 : 1 };
}

export const DELIVERIES: Readonly<Record<string, Subcommand>> = {
  list,
  show: show_one,
  'send-now': send_now,
  'send-again': send_again,
  actions,
};
