import {
  describeProviders,
  loadOwnProviders,
  ProvidersFileError,
  readProvidersFile,
  secretReferencesIn,
} from '@assay/providers-file';
import type { DescribedRules, ProvidersDescription, ProvidersFault, ReadingOptions } from '@assay/providers-file';
import { readArguments, readBytes } from '../inputs.js';
import { painter, printable, table, UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';

/** What modules are told that a send may take; nothing is sent here. */
const SEND_TIMEOUT_MS = 8_000;

type Judgement = { faults: readonly ProvidersFault[] } | { faults: readonly []; does: ProvidersDescription };

/** `providers check FILE`: the notifier's own judgement of its providers file (DEL-6), before it is given to it. */
export async function checkProviders(args: string[], terminal: Terminal): Promise<number> {
  const [subcommand, ...rest] = args;
  if (subcommand !== 'check') throw new UsageError('there is providers check');
  const { positionals, values } = readArguments(
    rest,
    { 'no-secrets': { type: 'boolean' }, json: { type: 'boolean' } },
    [1, 1],
  );
  const [file] = positionals as [string];
  const content = readBytes(terminal, file, 'the providers file');
  const options = { env: terminal.env, resolve_secrets: values['no-secrets'] !== true };
  const references = options.resolve_secrets ? secretReferencesIn(content) : [];
  const endVault = await fetchedFromVault(references, terminal.env);
  const judgement = await judge(content, options).finally(endVault);
  const right = judgement.faults.length === 0;
  if (values['json']) terminal.out(`${JSON.stringify({ file, right, ...judgement }, null, 2)}\n`);
  else terminal.out('does' in judgement ? tellWhatItDoes(judgement.does, terminal) : tellFaults(judgement, terminal));
  return right ? 0 : 1;
}

/** Where a reference leads to a vault, by the notifier's own settings; loads what that takes only then. */
async function fetchedFromVault(references: readonly string[], env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  if (!references.some((reference) => reference.startsWith('vault:'))) return () => Promise.resolve();
  const { fetchFromVault } = await import('./fetch-from-vault.js');
  return fetchFromVault(references, env);
}

async function judge(content: Buffer, options: Required<ReadingOptions>): Promise<Judgement> {
  try {
    const config = readProvidersFile(content, options);
    // A module resolves its own secrets.
    const own = options.resolve_secrets ? config.own : [];
    const loaded = await loadOwnProviders(own, SEND_TIMEOUT_MS, options.env);
    await Promise.allSettled(loaded.map((each) => each.close()));
    const does = describeProviders(config);
    config.close();
    return { faults: [], does };
  } catch (error) {
    if (!(error instanceof ProvidersFileError)) throw error;
    return { faults: error.faults };
  }
}

function tellFaults({ faults }: { faults: readonly ProvidersFault[] }, terminal: Terminal): string {
  const paint = painter(terminal);
  const head = `${paint('red', paint('bold', 'wrong'))}  ${faults.length} fault${faults.length === 1 ? '' : 's'}\n`;
  const told = faults.map(({ code, pointer, entry, message, cure }) => {
    const where = printable(`${pointer || '/'}${entry === null ? '' : ` (${entry})`}`);
    return `\n${paint('bold', where)}\n  ${code}: ${printable(message)}\n  ${paint('dim', cure)}\n`;
  });
  return `${head}${told.join('')}`;
}

/** `medium` → `5 min`: durations as people say them. */
function spoken(ms: number): string {
  const units: [string, number][] = [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const [unit, size] = units.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size} ${unit}`;
}

function rulesText({ schedule, filter, skip_empty, max_bytes }: DescribedRules): string {
  const waits = Object.entries(schedule).map(([name, value]) =>
    name.endsWith('_ms') ? `${name.slice(0, -3).replaceAll('_', ' ')} ${spoken(value)}` : `${value} quick attempts`,
  );
  return [
    filter?.min_severity && `${filter.min_severity} or worse`,
    filter?.min_confidence && `confidence ${filter.min_confidence} or surer, or none`,
    filter?.categories && filter.categories.join(', '),
    skip_empty && 'nothing where no finding is left',
    max_bytes !== null && `at most ${max_bytes} bytes`,
    ...waits,
  ]
    .filter((part) => typeof part === 'string')
    .join('; ');
}

function tellWhatItDoes({ destinations, mail, rules, warnings }: ProvidersDescription, terminal: Terminal): string {
  const paint = painter(terminal);
  const said = (value: number | null) => (value === null ? 'no limit' : String(value));
  const rows = destinations.map(({ name, to, concurrency, rate_per_s, max_bytes, ca, client_certificate }) => [
    printable(name),
    concurrency === null ? 'its own' : String(concurrency),
    concurrency === null ? 'its own' : said(rate_per_s),
    said(max_bytes),
    [ca && 'own authority', client_certificate && 'client certificate'].filter(Boolean).join(', ') || '-',
    printable(to ?? 'not read'),
  ]);
  const headings = ['destination', 'at once', 'a second', 'bytes', 'tls', 'to'];
  const routes = Object.entries(mail.domains).map(([domain, provider]) => [printable(domain), printable(provider)]);
  if (mail.otherwise !== null) routes.push([routes.length === 0 ? 'all' : 'all others', printable(mail.otherwise)]);
  const { columns } = terminal;
  return [
    `${paint('green', paint('bold', 'right'))}\n`,
    destinations.length === 0 ? 'It tells nobody.\n' : table(headings, rows, { columns, paint }),
    routes.length === 0 ? '' : `\n${table(['mail to', 'sent by'], routes, { columns, paint })}`,
    rules.length === 0
      ? ''
      : `\n${table(
          ['to', 'is told'],
          rules.map((each) => [printable(each.of), rulesText(each)]),
          { columns, paint },
        )}`,
    ...warnings.map(({ entry, message }) => `\n${paint('yellow', 'warning')}  ${printable(entry)} ${message}\n`),
  ].join('');
}
