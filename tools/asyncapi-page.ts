import { TOPICS, topicName } from '@assay/contracts';
import type { EventType, TopicDefinition } from '@assay/contracts';
import { cloudEventHeaders, cloudEventType } from '@assay/messaging';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Page } from './pages.js';
import { REPOSITORY } from './repository.js';

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };

export const asyncApiPage: Page = {
  path: 'docs/asyncapi.yaml',
  build: () => stringify(asyncApiDocument(TOPICS), { lineWidth: 0, aliasDuplicateObjects: false }),
};

/** The AsyncAPI 3.0 document of the list of topics. */
export function asyncApiDocument(topics: readonly TopicDefinition[]): Record<string, unknown> {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Assay: events',
      version,
      description:
        "Made by `npm run generate` from the list of topics in `libs/contracts`. CloudEvents 1.0 in Kafka's binary mode. An event may come more than once and out of order: deduplicate on `ce_id`, and of two events about one subject keep the one with the higher `generation` and `revision` (GEN-9). Topics tagged `public` are promises to downstream consumers; `internal` ones may change between Assay's own services. Within `.v1` fields are only added: ignore what you do not know (OPS-5).",
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(topics.map((topic) => [topic.type, channelOf(topic)])),
    operations: Object.fromEntries(topics.flatMap(operationsOf)),
    components: {
      messages: Object.fromEntries(topics.map((topic) => [topic.type, messageOf(topic)])),
    },
  };
}

const KEY = {
  type: 'string',
  description:
    'Source and changelist with a space between; the source alone where there is no changelist (GEN-8). UTF-8.',
};

function channelOf({ type, summary, partitions, retention_ms, max_message_bytes, audience }: TopicDefinition) {
  return {
    address: topicName('{prefix}', type),
    summary,
    tags: [{ name: audience }],
    parameters: {
      prefix: { default: 'assay', description: "The installation's prefix, `ASSAY_KAFKA_TOPIC_PREFIX`." },
    },
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
    bindings: {
      kafka: {
        partitions,
        topicConfiguration: { 'retention.ms': retention_ms, 'max.message.bytes': max_message_bytes },
        bindingVersion: '0.5.0',
      },
    },
  };
}

/** Assay sends every event; of the internal ones its services are the readers, too. */
function operationsOf({ type, audience, summary }: TopicDefinition): [string, object][] {
  const channel = { $ref: `#/channels/${type}` };
  const send: [string, object] = [`send.${type}`, { action: 'send', channel, summary }];
  return audience === 'public' ? [send] : [send, [`receive.${type}`, { action: 'receive', channel, summary }]];
}

function messageOf({ type, summary, schema }: TopicDefinition) {
  return {
    name: cloudEventType(type),
    title: type,
    summary,
    contentType: 'application/json',
    correlationId: { location: '$message.header#/ce_correlationid' },
    headers: headersOf(type),
    payload: schema,
    bindings: { kafka: { key: KEY, bindingVersion: '0.5.0' } },
  };
}

const HEADER_DOCS: Record<string, string> = {
  ce_id: 'Subject, generation, revision and type; the same whenever the event is published again.',
  ce_source: '`/assay/` and the service that publishes.',
  ce_subject: "The subject's id: a job's, a delivery's, a record's.",
  ce_time: 'When it happened, by the database clock: RFC 3339 UTC with milliseconds.',
  ce_correlationid: 'One id from the HTTP call to the last event.',
  traceparent: 'W3C trace context.',
};

/** The headers that the publisher writes, by name; those that are the same for each event of the type as constants. */
function headersOf(type: EventType): object {
  const [one, other] = ['a', 'b'].map((text) =>
    cloudEventHeaders(
      {
        ...{ type, id: text, subject: text, time: text, key: text, correlation_id: text },
        ...{ traceparent: text, data: Buffer.alloc(0) },
      },
      text,
    ),
  ) as [Record<string, string>, Record<string, string>];
  const properties = Object.entries(one).map(([name, value]) => {
    const fixed = other[name] === value;
    return [name, { type: 'string', ...(fixed ? { const: value } : { description: HEADER_DOCS[name] }) }];
  });
  const required = Object.keys(one).filter((name) => name !== 'traceparent');
  return { type: 'object', properties: Object.fromEntries(properties) as object, required };
}
