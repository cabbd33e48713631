import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCE } from '../../infra/local/secrets.js';

const repository = join(import.meta.dirname, '..', '..');
const read = (...path: string[]): string => readFileSync(join(repository, ...path), 'utf8');
const parse = (...path: string[]): Record<string, unknown> => JSON.parse(read(...path)) as Record<string, unknown>;
const jsonFiles = (...path: string[]): string[] =>
  readdirSync(join(repository, ...path)).filter((name) => name.endsWith('.json'));

/** A body to be sent through every door, under what it shows. */
export type Given = [title: string, body: Buffer];

let count = 0;

/** A submission of a changelist and key of its own, so that no door answers by what another case has left behind. */
export function own(differs: Record<string, unknown>): Record<string, unknown> {
  count += 1;
  return {
    changed_files: ['src/a.c'],
    review_result: RESULT,
    recipients: [{ channel: 'webhook', address: 'ci-bot' }],
    ...differs,
    ...{ review_version: 1, rerun: false, idempotency_key: `doors-${count}`, changelist_id: `doors-${count}` },
  };
}

const FINDING = {
  ...{ id: 'F1', severity: 'high', category: 'correctness', title: 'Unchecked result', file: 'src/a.c', line: 10 },
  message: 'lookup() may answer null here.',
};
const RESULT = { schema_version: '1.0', prompt_version: '1.0.0', findings: [FINDING] };
const named = (file: string) => ({ ...RESULT, findings: [{ ...FINDING, file }] });

export const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function examples(): Given[] {
  const dry_runs = readdirSync(join(repository, 'examples/dry-run'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }): Given => [name, bytes(own(parse('examples/dry-run', name, 'submission.json')))]);
  const requests = jsonFiles('examples/submitting').map((name): Given => {
    const request = parse('examples/submitting', name)['request'] as Record<string, unknown>;
    return [name, bytes(name.includes('invalid') ? request : own(request))];
  });
  const payments = parse('examples/payments-retry/submission.json');
  const results = [
    read('examples/payments-retry/review-result.json'),
    parse('examples/payments-retry/review-result.json'),
  ];
  const reviews = results.map((review_result): Given => [
    `payments-retry, as ${typeof review_result}`,
    bytes(own({ ...payments, review_result })),
  ]);
  return [...dry_runs, ...requests, ...reviews];
}

function fixtures(): Given[] {
  return ['versions', 'documents'].flatMap((folder) =>
    jsonFiles('libs/review-engine/fixtures', folder).map((name): Given => {
      const { submission } = parse('libs/review-engine/fixtures', folder, name);
      return [`${folder}/${name}`, bytes(own(submission as Record<string, unknown>))];
    }),
  );
}

const HOSTILE_MEMBERS: Record<string, unknown>[] = [
  ...['changelist_id', 'review_version', 'changed_files', 'review_result'].map((name) => ({ [name]: undefined })),
  ...[null, 7, 'a', [], [null], ['\u0000'], ['\ud800'], [' '], ['../a.c'], ['src/']].map((changed_files) => ({
    changed_files,
  })),
  ...[
    { path: 'src/a.c', previous_path: '//depot/secret/a.c' },
    { path: '//depot/secret/a.c', previous_path: 'src/a.c' },
    { path: 'src/a.c', previous_path: 7 },
    { path: 'src/a.c', previous_path: '' },
    { path: 'src/a.c', status: 'R' },
    { previous_path: 'src/a.c' },
    ['src/a.c', 'src/b.c'],
  ].map((renamed) => ({ changed_files: [renamed] })),
  ...['src\\a.c', 'src\\..\\a.c', '\\depot\\p', '//depot/p\\..\\secret/a.c', 'file:///x%5Ca.c'].map((path) => ({
    changed_files: ['src/a.c', path],
  })),
  { changed_files: Array.from({ length: 20_001 }, () => 'a') },
  { changed_files: ['é'.repeat(513)] },
  { changed_files: Array.from({ length: 2_100 }, (_, index) => `${index}`.padEnd(1_024, 'x')) },
  ...['//depot/secret/a.c', '//depot/p-secret/a.c', '//depot/p/../secret/a.c', '/etc/passwd', 'C:\\Windows\\a.c'].map(
    (path) => ({ changed_files: ['src/a.c', path] }),
  ),
  ...[
    7,
    '',
    ' ',
    'services/api',
    '//',
    '//depot/../p',
    '/ws/..',
    '\\ws',
    '\\\\host',
    'C:ws',
    'a\u0000',
    '\udfff',
    [],
    {},
  ].map((root) => ({ root })),
  { root: '//depot/secret' },
  ...[null, {}, 'a', [], [null], [7], [[]], [{}], Array.from({ length: 101 }, () => ({}))].map((recipients) => ({
    recipients,
  })),
  ...[
    { channel: 'pigeon', address: 'ci' },
    { channel: 'email', address: 'nobody' },
    { channel: 'email', address: 'kim@build-host.(none)' },
    { channel: 'email', address: 'a\u0000@example.com' },
    { channel: 'email', address: '\ud800@example.com' },
    { channel: 'email', address: 'x'.repeat(600) },
    { channel: 'webhook', address: 'https://ci:hunter2@example.com/hook' },
    { channel: 'webhook', address: 'ci-bot', url: 'https://example.com' },
  ].map((recipient) => ({ recipients: [recipient] })),
  { recipients: ['A@x.example', ' A@X.example'].map((address) => ({ channel: 'email', address })) },
  ...[null, 'sarif', 'SARIF', 'xml', 7].map((review_result_format) => ({ review_result_format })),
  { review_result_format: 'sarif', review_result: { version: '2.1.0', runs: [] } },
  ...[null, 7, [], true].map((review_result) => ({ review_result })),
  ...['', 'a b', 7, null, 'k'.repeat(256), '"two words"'].map((idempotency_key) => ({ idempotency_key })),
  ...['', 'a b', 'a\u0000', 1.5, 2 ** 53, null, {}].map((changelist_id) => ({ changelist_id })),
  ...[0, '1', 1.5, null, 2 ** 31].map((review_version) => ({ review_version })),
  ...['yes', null].flatMap((value) => [{ rerun: value }, { case_insensitive_paths: value }]),
  ...[10, -1, '5', null].map((priority) => ({ priority })),
  ...['constructor', 'source', '__proto__', 'a/b~c', 'x'.repeat(1_000), 'password=hunter2hunter2'].map((name) =>
    Object.fromEntries([[name, 1]]),
  ),
  { review_result: 'x'.repeat(2 * 1024 * 1024 + 1) },
];

const WORKSPACES: [root: string, file: string][] = [
  ['/home/runner/work/repo', '/home/runner/work/repo/src/a.c'],
  ['/var/jenkins/job@2/', '/var/jenkins/job@2/src/a.c'],
  ['C:\\agent\\_work\\1\\s', 'c:\\agent\\_work\\1\\s\\src\\a.c'],
  ['\\\\build01\\ws', '\\\\build01\\ws\\src\\a.c'],
  ['/elsewhere', '/home/runner/work/repo/src/a.c'],
];

/** What a dry run alone may leave out. */
const TOLD = '{"idempotency_key":"k","recipients":[{"channel":"webhook","address":"ci-bot"}]';

function hostileMembers(): Given[] {
  return HOSTILE_MEMBERS.map((differs): Given => {
    const title = JSON.stringify(differs).slice(0, 80);
    return [title === '{}' ? `without ${Object.keys(differs)[0]}` : title, bytes({ ...own({}), ...differs })];
  });
}

function workspaces(): Given[] {
  return WORKSPACES.flatMap(([root, file]): Given[] => [
    [`${root} of findings`, bytes(own({ root, review_result: named(file) }))],
    [`${root} of changed files`, bytes(own({ root, changed_files: [file], review_result: named(file) }))],
    [`${root} of a depot`, bytes(own({ root, changed_files: ['//build01/ws/src/a.c', '//depot/p/a.c'] }))],
  ]);
}

function renames(): Given[] {
  const forms = ['src/old.c', './src//old.c', 'src\\old.c', '"src/\\157ld.c"', '../old.c'];
  return forms.flatMap((previous_path) => {
    const changed_files = [{ path: 'src/a.c', previous_path }, { path: 'src/b.c', previous_path: null }, { path: 'c' }];
    return ['src/old.c', 'src\\old.c', 'src/b.c', 'src/other.c'].map((file): Given => [
      `${file}, once ${previous_path}`,
      bytes(own({ changed_files, review_result: named(file) })),
    ]);
  });
}

function texts(): Given[] {
  const plain = ['', 'nonsense', '{"a":', 'null', '[]', '"text"', '7', `\ufeff${TOLD}}`, '{"a":1}{"b":2}', "{'a': 1}"];
  const deep = `${TOLD},"review_result":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  return [
    ...[...plain, deep].map((text): Given => [text.slice(0, 20), Buffer.from(text)]),
    ['UTF-16', Buffer.from(JSON.stringify(own({})), 'utf16le')],
    ['Latin-1', Buffer.from(JSON.stringify(own({ review_result: 'café' })), 'latin1')],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), bytes(own({}))])],
    ['NUL and lone surrogates', bytes(own({ review_result: { ...RESULT, summary: 'a\u0000\ud800' } }))],
    ['duplicate keys', Buffer.from(JSON.stringify(own({})).replace('{', '{"priority":99,"priority":1,'))],
  ];
}

/** What a dry run alone takes: refused where it would be stored. */
export const POLICIES: Record<string, unknown>[] = [
  ...[null, [], 'lenient', 7, {}, { reading: 'strict' }, { reading: 'LENIENT' }, { truncated: 'keep_complete' }],
  ...[{ aliases: {} }, { aliases: { severity: { p0: 'critical' } } }, { aliases: { severity: { p0: 'urgent' } } }],
  ...[{ sources: { [SOURCE]: { reading: 'strict' } } }, { sources: { [SOURCE]: null } }, { prompt_versions: ['2.0'] }],
].map((policy) => ({ policy }));

/** An answer that each reading makes something else of. */
export const LENIENT_ANSWER = `\`\`\`json\n${JSON.stringify({
  ...RESULT,
  findings: ['HIGH', 'blocker', 'p0'].map((severity, index) => ({ ...FINDING, id: `F${index}`, severity, line: 0 })),
})}\n\`\`\``;

/** Every example, every fixture of the engine, and what else may come. */
export const GIVEN = {
  'every example': examples(),
  'every fixture of the engine': fixtures(),
  'every form of root': workspaces(),
  'renamed files': renames(),
  'members that are hostile': hostileMembers(),
  'bodies that are hostile': texts(),
};
