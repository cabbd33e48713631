import type { Command } from '../assayctl.js';

const FILTERS =
  '[--stage S] [--class C] [--state S] [--source S] [--fingerprint F] [--failed-after T] [--failed-before T] [--text T]';

/** What speaks to a service loads an HTTP client, and only then: the other commands start in 150 ms. */
export const deadLettersCommand: Command = {
  usage: 'SUBCOMMAND [--url URL] [--key-file FILE] [--json]',
  summary:
    'Lists and shows dead letters, takes them on, attaches evidence, discards, ends replays. Key: --key-file or ASSAY_API_KEY.',
  subcommands: {
    list: `${FILTERS} [--limit N] [--cursor C] [--all]`,
    show: 'ID',
    triage: 'ID [--assignee NAME] [--note TEXT]',
    evidence: 'ID|--incident FINGERPRINT [TYPE NAME=VALUE ...] [--idempotency-key K]',
    discard: 'ID --reason TEXT',
    'end-replay': 'ID --reason TEXT',
    incidents: '[--stage S] [--class C] [--source S]',
  },
  async run(args, terminal) {
    const [{ runOperator }, { DEAD_LETTERS }] = await Promise.all([
      import('../operator/run-operator.js'),
      import('../operator/dead-letters.js'),
    ]);
    return runOperator(DEAD_LETTERS, args, terminal);
  },
};

export const deliveriesCommand: Command = {
  usage: 'SUBCOMMAND [--url URL] [--key-file FILE] [--json]',
  summary:
    'Says who was told, when, and what the receiver answered (list, show: ASSAY_NOTIFIER_URL); sends at once what waits, or again what was sent (ASSAY_URL).',
  subcommands: {
    list: '[--recipient A] [--job ID] [--key K] [--destination D] [--state S] [--channel C] [--limit N] [--cursor C] [--all]',
    show: 'ID',
    'send-now': 'ID|--job ID|--destination D|--dead-letter ID --reason TEXT [--idempotency-key K]',
    'send-again': 'ID --reason TEXT [--same] [--idempotency-key K]',
    actions: '[ACTION] [--cursor C]',
  },
  async run(args, terminal) {
    const [{ runOperator }, { DELIVERIES }] = await Promise.all([
      import('../operator/run-operator.js'),
      import('../operator/deliveries.js'),
    ]);
    return runOperator(DELIVERIES, args, terminal);
  },
};

export const replayCommand: Command = {
  usage: 'SUBCOMMAND [--url URL] [--key-file FILE] [--json]',
  summary: 'Freezes, executes and watches replay plans; 1 where one has ended without resolving all that it took on.',
  subcommands: {
    plan: `ID ...|${FILTERS} [--action A] [--start-stage S] [--recipient CHANNEL:ADDRESS] [--correct ID=CHANNEL:ADDRESS] [--reason TEXT] [--rate N] [--idempotency-key K]`,
    execute: 'PLAN [--watch]',
    pause: 'PLAN [--watch]',
    resume: 'PLAN [--watch]',
    cancel: 'PLAN [--watch]',
    status: '[PLAN] [--watch] [--state S] [--cursor C]',
  },
  async run(args, terminal) {
    const [{ runOperator }, { REPLAY }] = await Promise.all([
      import('../operator/run-operator.js'),
      import('../operator/replay.js'),
    ]);
    return runOperator(REPLAY, args, terminal);
  },
};
