import { PROBLEMS, TOPICS, topicName } from '@assay/contracts';
import type { TopicDefinition } from '@assay/contracts';
import { reasonCodesDocument, REGISTERED_VERSIONS } from '@assay/review-engine';
import type { ReasonCodesDocument } from '@assay/review-engine';
import { PROVIDERS_FILE_SCHEMA } from '@assay/providers-file';
import { code, table } from './markdown.js';
import type { Page } from './pages.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const KIB = 1024;

export const reasonCodesPage: Page = {
  path: 'docs/reason-codes.md',
  build: () => reasonCodesText(reasonCodesDocument()),
};

export function reasonCodesText({ version, aliases, codes }: ReasonCodesDocument): string {
  const overview = codes.map(({ code: name, kinds, meaning, since }) => [
    `[${code(name)}](#${name})`,
    kinds.join(', '),
    meaning,
    since,
  ]);
  return [
    '# Reason codes',
    `Made by \`npm run generate\` from the catalogue in \`libs/review-engine\` (VAL-9), version ${version}; \`GET /v1/reason-codes\` of the validator serves the same. The catalogue is closed: no diagnostic bears another code.`,
    table(['code', 'kind', 'meaning', 'since'], overview),
    ...codes.flatMap(({ code: name, meaning, example, remedy }) => [
      `## ${name}`,
      `${meaning}`,
      `Example: ${code(example.in)} gives ${code(example.out)}.`,
      `For the author of the reviewer: ${remedy}`,
      ...(name === 'alias_mapped' ? [aliasesText(aliases)] : []),
    ]),
    '',
  ].join('\n\n');
}

/** The table that ships (VAL-18), each word beside those that stand for it. */
function aliasesText(aliases: ReasonCodesDocument['aliases']): string {
  const rows = Object.entries(aliases).flatMap(([field, words]) => {
    return [...new Set(Object.values(words))].map((meant) => {
      const known = Object.keys(words).filter((word) => words[word] === meant);
      return [code(field), known.map(code).join(', '), code(meant)];
    });
  });
  return `The table that ships; a policy's \`aliases\` stands in its place, and \`{}\` empties it (VAL-18). Letter case and white space around a word are no matter.\n\n${table(['field', 'written', 'read as'], rows)}`;
}

/** Each contract version as the validator publishes it (CON-1), for who has no validator at hand. */
export const contractPages: readonly Page[] = REGISTERED_VERSIONS.map(({ version, schema }) => ({
  path: `docs/schemas/review-result-${version}.json`,
  build: () => JSON.stringify(schema),
}));

/** What the notifier checks its providers file by. */
export const providersFilePage: Page = {
  path: 'docs/schemas/providers-file.json',
  build: () => JSON.stringify(PROVIDERS_FILE_SCHEMA),
};

export const topicsPage: Page = { path: 'docs/topics.md', build: () => topicsText(TOPICS) };

export function topicsText(topics: readonly TopicDefinition[]): string {
  const rows = topics.map((topic) => [
    code(topicName('assay', topic.type)),
    topic.audience,
    topic.summary,
    String(topic.partitions),
    `${topic.retention_ms / DAY_MS} days`,
    sizeText(topic.max_message_bytes),
    topic.producers.join(', '),
    topic.consumers.join(', '),
  ]);
  return [
    '# Topics',
    "Made by `npm run generate` from the list in `libs/contracts`, which also holds the JSON Schema of each event. `assay` stands for the prefix (`ASSAY_KAFKA_TOPIC_PREFIX`). Public topics are promises to downstream consumers; internal ones may change between Assay's own services. Within `.v1` fields are only added, and readers ignore what they do not know (OPS-5).",
    "Events are CloudEvents 1.0 in Kafka's binary mode: `ce_*` headers, JSON as the value, a `traceparent` header, and source and changelist as the key. An event may come more than once and out of order: deduplicate on `ce_id`, and of two events about one subject keep the one with the higher `generation` and `revision` (GEN-9).",
    table(['topic', 'audience', 'says', 'partitions', 'kept', 'largest record', 'written by', 'read by'], rows),
    '',
  ].join('\n\n');
}

function sizeText(bytes: number): string {
  return bytes % (KIB * KIB) === 0 ? `${bytes / (KIB * KIB)} MiB` : `${bytes / KIB} KiB`;
}

export const problemsPage: Page = {
  path: 'docs/problem-codes.md',
  build: () => problemsText(PROBLEMS),
};

export function problemsText(problems: Record<string, { status: number; title: string }>): string {
  const rows = Object.entries(problems).map(([name, { status, title }]) => [code(name), String(status), title]);
  return [
    '# Problem codes',
    'Made by `npm run generate` from `libs/contracts`. Every refusal over HTTP is an `application/problem+json` document (RFC 9457, ING-10): `code` is stable and meant for programs, `title` and `detail` are for people, `errors` points at each bad field (JSON Pointer into the body; `?name` and `header:name` elsewhere), and `correlation_id` finds the request in the logs.',
    table(['code', 'status', 'title'], rows),
    '',
  ].join('\n\n');
}
