import { TOPICS } from '@assay/contracts';
import type { EventType, TopicDefinition } from '@assay/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ allErrors: false, allowUnionTypes: true });
const topics = new Map<string, TopicDefinition>(TOPICS.map((definition) => [definition.type, definition]));
const validators = new Map<EventType, ValidateFunction>();

/** Compiled with the first event of its type, for no service has to do with all of them; publisher and consumer share it. */
function validatorOf(type: EventType): ValidateFunction {
  let validate = validators.get(type);
  if (!validate) validators.set(type, (validate = ajv.compile(topics.get(type)!.schema)));
  return validate;
}

export function topicOf(type: string): TopicDefinition | null {
  return topics.get(type) ?? null;
}

/** Null where the data keeps the type's schema; else where it breaks it and how, never a value of it. */
export function schemaFault(type: EventType, data: unknown): string | null {
  const validate = validatorOf(type);
  if (validate(data)) return null;
  const [error] = validate.errors ?? [];
  return `${error?.instancePath || '/'} breaks ${error?.schemaPath ?? 'the schema'}`;
}
