import { TOPICS, topicName } from '@assay/contracts';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface AsyncDocument {
  channels: Record<
    string,
    {
      address: string;
      tags: { name: string }[];
      bindings: { kafka: { partitions: number; topicConfiguration: Record<string, number> } };
    }
  >;
  operations: Record<string, { action: string; channel: { $ref: string } }>;
  components: { messages: Record<string, { payload: object; headers: { required: string[] } }> };
}

const load = createRequire(import.meta.url);
const document = parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'asyncapi.yaml'), 'utf8'),
) as AsyncDocument;

describe('docs/asyncapi.yaml', () => {
  it('is a valid AsyncAPI 3.0 document', () => {
    const official = load('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const judge = ajv.compile(official);
    judge(document);
    expect(judge.errors).toBeNull();
  });

  it('has every topic of the list as it is made, and no other; else run `npm run generate`', () => {
    expect(Object.keys(document.channels)).toEqual(TOPICS.map(({ type }) => type));
    for (const topic of TOPICS) {
      const { address, tags, bindings } = document.channels[topic.type]!;
      expect(address).toBe(topicName('{prefix}', topic.type));
      expect(tags).toEqual([{ name: topic.audience }]);
      expect(bindings.kafka).toMatchObject({
        partitions: topic.partitions,
        topicConfiguration: { 'retention.ms': topic.retention_ms, 'max.message.bytes': topic.max_message_bytes },
      });
      expect(document.components.messages[topic.type]!.payload).toEqual(topic.schema);
    }
  });

  it('tells the headers of a CloudEvent and what is sent for others to read', () => {
    for (const { type, audience } of TOPICS) {
      const { headers } = document.components.messages[type]!;
      expect(headers.required).toEqual(expect.arrayContaining(['ce_id', 'ce_source', 'ce_type', 'ce_specversion']));
      const actions = Object.values(document.operations)
        .filter(({ channel }) => channel.$ref === `#/channels/${type}`)
        .map(({ action }) => action);
      expect(actions).toEqual(audience === 'public' ? ['send'] : ['send', 'receive']);
    }
  });
});
