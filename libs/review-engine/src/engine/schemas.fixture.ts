import { Ajv2020 } from 'ajv/dist/2020.js';
import { REGISTERED_VERSIONS } from '../contract/registry.js';

/** ajv, compiled from the published schemas: the independent judge (CON-5). */
export const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
export const schemaOf = new Map(REGISTERED_VERSIONS.map(({ version, schema }) => [version, ajv.compile(schema)]));
