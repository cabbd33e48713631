import { randomUUID } from 'node:crypto';
import { textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { painter, printable, table, UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import type { Evidence, Incident, Letter, LetterSummary, Page, Transition } from './answers.js';
import { FILTER_OPTIONS, filtersOf } from './filters.js';
import { everyPage, LARGEST_PAGE } from './pages.js';
import type { Shown, Subcommand } from './run-operator.js';

const PATH = 'v1/dead-letters';

const list: Subcommand = {
  options: { ...FILTER_OPTIONS, limit: { type: 'string' }, cursor: { type: 'string' }, all: { type: 'boolean' } },
  positionals: [0, 0],
  async run(given, api, terminal) {
    const query = { ...filtersOf(given), limit: textOption(given, 'limit'), cursor: textOption(given, 'cursor') };
    const page = given.values['all']
      ? await everyPage<LetterSummary>(api, { path: PATH, query, what: 'dead letters' }, terminal)
      : await api.get<Page<LetterSummary>>(PATH, query);
    const rows = page.items.map((letter) => [
      ...[letter.id, letter.state, letter.stage, letter.error_class, letter.code, letter.source],
      ...[letter.changelist_id ?? '', letter.last_failure_at.slice(0, 19), letter.assignee ?? ''],
    ]);
    const headings = ['id', 'state', 'stage', 'class', 'code', 'source', 'changelist', 'last failure', 'assignee'];
    const more = page.next_cursor === null ? '' : `more: --cursor ${page.next_cursor}\n`;
    return { json: page, text: show(headings, rows, terminal) + more };
  },
};

const show_one: Subcommand = {
  options: {},
  positionals: [1, 1],
  async run(given, api, terminal) {
    const path = `${PATH}/${idOf(given)}`;
    const [letter, evidence] = await Promise.all([
      api.get<Letter>(path),
      api.get<Page<Evidence>>(`${path}/evidence`, { limit: LARGEST_PAGE }),
    ]);
    return { json: { ...letter, evidence: evidence.items }, text: letterText(letter, evidence.items, terminal) };
  },
};

function letterText(letter: Letter, evidence: readonly Evidence[], terminal: Terminal): string {
  const paint = painter(terminal);
  const { subject_type, subject_id, job_id, source, changelist_id, review_version } = letter;
  const facts: [string, string][] = [
    ['state', letter.state + (letter.assignee ? `, with ${letter.assignee}` : '')],
    ['failed', `${letter.stage}: ${letter.error_class} (${letter.code})`],
    ['subject', `${subject_type} ${subject_id}`],
    ['job', job_id === null ? 'none' : `${job_id}, generation ${letter.generation}`],
    ['change', `${source} ${changelist_id ?? ''} version ${review_version ?? ''}`],
    ['failures', `${letter.occurrences}, first ${letter.first_failure_at}, last ${letter.last_failure_at}`],
    ['incident', letter.fingerprint],
    ['context', JSON.stringify(letter.sanitized_context)],
  ];
  const lines = facts.map(([name, value]) => `  ${paint('dim', name.padEnd(9))} ${printable(value)}\n`);
  const stack = letter.last_stack.split('\n').map((line) => `    ${printable(line)}\n`);
  return [
    `${paint('bold', `dead letter ${letter.id}`)}\n`,
    ...lines,
    ...stack,
    '\n',
    historyText(letter.transitions, terminal),
    ...(evidence.length === 0 ? ['no evidence\n'] : [`\n${evidenceText(evidence, terminal)}`]),
  ].join('');
}

export function historyText(transitions: readonly Transition[], terminal: Terminal): string {
  const rows = transitions.map(({ occurred_at, to_state, cause, actor, note }) => [
    ...[occurred_at, to_state, cause, actor, note ?? ''],
  ]);
  return show(['at', 'became', 'cause', 'by', 'note'], rows, terminal);
}

function evidenceText(evidence: readonly Evidence[], terminal: Terminal): string {
  const rows = evidence.map(({ attached_at, type, actor, facts }) => {
    const told = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
    return [attached_at, type, actor, told.join('; ')];
  });
  return show(['at', 'evidence', 'by', 'facts'], rows, terminal);
}

const triage: Subcommand = {
  options: { assignee: { type: 'string' }, note: { type: 'string' } },
  positionals: [1, 1],
  async run(given, api) {
    const body = { assignee: textOption(given, 'assignee'), note: textOption(given, 'note') };
    return moved(await api.post<Letter>(`${PATH}/${idOf(given)}/triage`, body));
  },
};

/** A move that must say why. */
const withReason = (action: 'discard' | 'end-replay'): Subcommand => ({
  options: { reason: { type: 'string' } },
  positionals: [1, 1],
  async run(given, api) {
    const reason = textOption(given, 'reason');
    if (reason === undefined) throw new UsageError('say why: --reason');
    return moved(await api.post<Letter>(`${PATH}/${idOf(given)}/${action}`, { reason }));
  },
});

function moved(letter: Letter): Shown {
  return { json: letter, text: `dead letter ${letter.id} is ${letter.state}\n` };
}

/** `ID TYPE NAME=VALUE …` attaches, `ID` lists; with `--incident FINGERPRINT` the ID is left out. */
const evidence: Subcommand = {
  options: { incident: { type: 'string' }, 'idempotency-key': { type: 'string' } },
  positionals: [0, 20],
  async run(given, api, terminal) {
    const incident = textOption(given, 'incident');
    const [type, ...facts] = incident === undefined ? given.positionals.slice(1) : given.positionals;
    const of = incident === undefined ? `${PATH}/${idOf(given)}` : `v1/incidents/${encodeURIComponent(incident)}`;
    if (type === undefined) {
      const page = await api.get<Page<Evidence>>(`${of}/evidence`, { limit: LARGEST_PAGE });
      return { json: page, text: evidenceText(page.items, terminal) };
    }
    const headers = { 'idempotency-key': textOption(given, 'idempotency-key') ?? randomUUID() };
    const attached = await api.post<Evidence>(`${of}/evidence`, { type, ...factsOf(facts) }, headers);
    return { json: attached, text: `evidence ${attached.evidence_id} is attached\n` };
  },
};

function factsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] = /^([a-z_]+)=(.*)$/s.exec(word) ?? [];
      if (name === undefined || name === 'type') throw new UsageError(`${JSON.stringify(word)} is not NAME=VALUE`);
      return [name, value!];
    }),
  );
}

const incidents: Subcommand = {
  options: { stage: { type: 'string' }, class: { type: 'string' }, source: { type: 'string' } },
  positionals: [0, 0],
  async run(given, api, terminal) {
    const page = await api.get<{ items: Incident[] }>('v1/incidents', { ...filtersOf(given), limit: LARGEST_PAGE });
    const rows = page.items.map(({ fingerprint, open, stage, error_class, code, sources, last_failure_at }) => [
      ...[fingerprint, String(open), stage, error_class, code, last_failure_at.slice(0, 19), sources.join(', ')],
    ]);
    const headings = ['fingerprint', 'open', 'stage', 'class', 'code', 'last failure', 'sources'];
    return { json: page, text: show(headings, rows, terminal) };
  },
};

export function idOf({ positionals }: Arguments, what = 'the id of a dead letter'): string {
  const [id] = positionals;
  if (id === undefined) throw new UsageError(`${what} is missing`);
  return encodeURIComponent(id);
}

export function show(headings: string[], rows: readonly string[][], terminal: Terminal): string {
  if (rows.length === 0) return 'none\n';
  const clean = rows.map((row) => row.map(printable));
  return table(headings, clean, { columns: terminal.columns, paint: painter(terminal) });
}

export const DEAD_LETTERS: Readonly<Record<string, Subcommand>> = {
  ...{ list, show: show_one, triage, evidence, discard: withReason('discard') },
  ...{ 'end-replay': withReason('end-replay'), incidents },
};
