/** A contract version's schema in the form that the engine works with. */
export interface Contract {
  readonly version: string;
  /** Known fields of the top level. */
  readonly top_level: ReadonlySet<string>;
  /** A finding's fields, in the order in which a first reason is looked for (VAL-5). */
  readonly fields: readonly Field[];
  readonly by_name: ReadonlyMap<string, Field>;
  /** The bits of the required fields. */
  readonly required: number;
  /** What an unknown field should have been, for people. */
  readonly known_fields: string;
}

export const FieldKind = { Text: 0, Choice: 1, Integer: 2 } as const;
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind];

/** One finding field. Every kind has every member, so that the engine's loops see one shape. */
export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** Its place in {@link Contract.fields}. */
  readonly place: number;
  /** Its bit in a set of fields seen. */
  readonly bit: number;
  readonly required: boolean;
  /** `message` and `suggestion` have a limit of their own (VAL-10). */
  readonly long: boolean;
  readonly choices: ReadonlySet<string>;
  readonly minimum: number;
  readonly maximum: number;
  /** Text only: a shape beyond "trimmed", as of `cwe`; null for none. */
  readonly shape: RegExp | null;
  /** Text only, in code points; 0 and Infinity for none. */
  readonly min_characters: number;
  readonly max_characters: number;
  /** What would have been right, for people. */
  readonly expected: string;
}

interface FieldSchema {
  type: string;
  enum?: readonly string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

/** Patterns that only say "trimmed" are what the engine coerces to; it judges them itself, without a RegExp. */
const TRIMMED = /^\^(?:\(\?:)?\\S\(\?:\[\\s\\S\]\*\\S\)\?(?:\)\?)?\$$/;
const KNOWN_KEYWORDS = new Set([
  'type',
  'enum',
  'pattern',
  'not',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'description',
]);
const LONG_FIELDS = new Set(['message', 'suggestion']);

const TOP_LEVEL = ['schema_version', 'prompt_version', 'findings'];
/** Bits of a 32-bit integer that stay clear of its sign. */
const MAX_FIELDS = 30;

/**
 * Compiles a review result schema (CON-4).
 *
 * @throws Error when the schema asks for something that the engine could not judge, or lacks what it works by: better at
 *   start than silently never.
 */
export function compileContract(version: string, schema: object): Contract {
  const { properties, $defs } = schema as {
    properties?: Record<string, unknown>;
    $defs?: Record<string, { required?: readonly string[]; properties?: Record<string, unknown> }>;
  };
  const finding = $defs?.['finding'];
  if (finding?.properties === undefined || properties === undefined)
    throw new Error(`contract ${version}: properties or $defs.finding.properties is missing`);
  const missing = TOP_LEVEL.filter((name) => !Object.hasOwn(properties, name));
  if (missing.length > 0) throw new Error(`contract ${version}: the top level has no ${missing.join(', ')}`);
  const required = new Set(finding.required);
  const fields = Object.entries(finding.properties)
    .filter(([, raw]) => raw !== undefined)
    .map(([name, raw], index) => compileField(version, name, resolve(raw, $defs!), index, required.has(name)));
  if (fields.length > MAX_FIELDS) throw new Error(`contract ${version}: more than ${MAX_FIELDS} finding fields`);
  checkOwnFields(version, fields);
  return {
    version,
    top_level: new Set(Object.keys(properties)),
    fields,
    by_name: new Map(fields.map((field) => [field.name, field])),
    known_fields: `only the fields of contract ${version}: ${fields.map(({ name }) => name).join(', ')}`,
    required: fields.reduce((bits, field) => (field.required ? bits | field.bit : bits), 0),
  };
}

/** What the engine itself works by: findings are told apart by `id`, matched by `file` and shown by `line`. */
function checkOwnFields(version: string, fields: readonly Field[]): void {
  const kindOf = new Map(fields.map(({ name, kind, required }) => [name, required ? kind : null]));
  for (const name of ['id', 'file']) {
    if (kindOf.get(name) !== FieldKind.Text)
      throw new Error(`contract ${version}: field ${name} must be a required string`);
  }
  if (kindOf.get('line') !== FieldKind.Integer) {
    throw new Error(`contract ${version}: field line must be a required integer`);
  }
  if (fields.some(({ name, kind }) => name === 'end_line' && kind !== FieldKind.Integer)) {
    throw new Error(`contract ${version}: field end_line must be an integer`);
  }
}

function resolve(raw: unknown, defs: Record<string, unknown>): Partial<FieldSchema> {
  const { $ref, ...own } = Object(raw) as { $ref?: unknown };
  if (typeof $ref !== 'string') return own;
  return { ...Object(defs[$ref.slice('#/$defs/'.length)]), ...own } as Partial<FieldSchema>;
}

function shapeOf(version: string, name: string, pattern: string | undefined): RegExp | null {
  if (pattern === undefined || TRIMMED.test(pattern)) return null;
  try {
    return new RegExp(pattern, 'u');
  } catch {
    throw new Error(`contract ${version}: field ${name} has a pattern that is no regular expression`);
  }
}

function compileField(
  version: string,
  name: string,
  schema: Partial<FieldSchema>,
  place: number,
  required: boolean,
): Field {
  const unknown = Object.keys(schema).filter((keyword) => !KNOWN_KEYWORDS.has(keyword));
  if (unknown.length > 0 || (schema.type !== 'string' && schema.type !== 'integer')) {
    throw new Error(`contract ${version}: field ${name} uses ${[schema.type ?? 'no type', ...unknown].join(', ')}`);
  }
  const kind =
    schema.type === 'integer' ? FieldKind.Integer : schema.enum === undefined ? FieldKind.Text : FieldKind.Choice;
  return {
    name,
    kind,
    place,
    bit: 1 << place,
    required,
    long: LONG_FIELDS.has(name),
    choices: new Set(schema.enum),
    minimum: schema.minimum ?? -Number.MAX_SAFE_INTEGER,
    maximum: schema.maximum ?? Number.MAX_SAFE_INTEGER,
    shape: shapeOf(version, name, schema.pattern),
    min_characters: schema.minLength ?? 0,
    max_characters: schema.maxLength ?? Number.POSITIVE_INFINITY,
    expected: describe(kind, schema, required),
  };
}

function describe(kind: FieldKind, schema: Partial<FieldSchema>, required: boolean): string {
  if (kind === FieldKind.Choice) return `one of ${schema.enum!.join(', ')}`;
  if (kind === FieldKind.Integer) return describeInteger(schema);
  const { minLength: least, maxLength: most, pattern } = schema;
  if (least !== undefined && most !== undefined) return `a string of ${least} to ${most} characters`;
  if (least !== undefined) return `a string of at least ${least} characters`;
  if (most !== undefined) return `a string of at most ${most} characters`;
  if (pattern !== undefined && !TRIMMED.test(pattern)) return `a string like ${pattern}`;
  return required ? 'a string that is not empty' : 'a string';
}

/** That a number stays exact needs no telling. */
function describeInteger({ minimum, maximum = Number.MAX_SAFE_INTEGER }: Partial<FieldSchema>): string {
  if (maximum === Number.MAX_SAFE_INTEGER) {
    return minimum === undefined ? 'a whole number' : `a whole number, ${minimum} or more`;
  }
  return minimum === undefined ? `a whole number, ${maximum} or less` : `a whole number from ${minimum} to ${maximum}`;
}
