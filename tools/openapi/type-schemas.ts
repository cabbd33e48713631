import ts from 'typescript';
import { docOf, isOurs } from './program.js';

export type Schema = Record<string, unknown>;

/**
 * JSON Schemas of TypeScript's types, by the compiler's own checker, so that an inferred return type is as good as a
 * written one. What has a name of ours becomes a component of that name.
 */
export class TypeSchemas {
  readonly components: Record<string, Schema> = {};
  readonly #declared = new Map<string, ts.Symbol>();

  constructor(private readonly checker: ts.TypeChecker) {}

  schemaOf(type: ts.Type): Schema {
    const symbol = componentSymbol(type);
    if (!symbol) return this.#inline(type);
    const name = symbol.getName();
    const known = this.#declared.get(name);
    if (known && known !== symbol) throw new Error(`two types are called ${name}: an API document takes one`);
    if (!known) {
      this.#declared.set(name, symbol);
      // Named before it is described: it may hold itself.
      this.components[name] = {};
      const doc = docOf(symbol, this.checker);
      Object.assign(this.components[name], this.#inline(type), doc === null ? {} : { description: doc });
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #inline(type: ts.Type): Schema {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
    if (type.flags & ts.TypeFlags.StringLike) return literalOr(type, 'string');
    // No answer holds a fraction but for rates (see #property); where a number stands beside other kinds it is somebody else's value (see #union).
    if (type.flags & ts.TypeFlags.NumberLike) return literalOr(type, 'integer');
    if (type.flags & ts.TypeFlags.BooleanLike) return booleanSchema(type);
    if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.flags & ts.TypeFlags.NonPrimitive) return { type: 'object' };
    if (type.isUnion()) return this.#union(type);
    if (this.checker.isArrayType(type)) {
      return { type: 'array', items: this.schemaOf(this.checker.getTypeArguments(type as ts.TypeReference)[0]!) };
    }
    if (type.isIntersection()) return { allOf: type.types.map((part) => this.schemaOf(part)) };
    if (type.flags & ts.TypeFlags.Object) return this.#object(type);
    throw new Error(`no JSON Schema for the type ${this.checker.typeToString(type)}`);
  }

  #union(type: ts.UnionType): Schema {
    const members = type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    const nullable = members.some(({ flags }) => flags & ts.TypeFlags.Null);
    const values = members.filter(({ flags }) => !(flags & ts.TypeFlags.Null));
    const schemas = this.#valueSchemas(values);
    if (!nullable) return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
    const [only] = schemas;
    if (schemas.length === 1 && typeof only?.['type'] === 'string' && !only['enum']) {
      return { ...only, type: [only['type'], 'null'] };
    }
    return { anyOf: [...schemas, { type: 'null' }] };
  }

  /** Literals and other kinds in an order of their own: the compiler's depends on other files. */
  #valueSchemas(values: readonly ts.Type[]): Schema[] {
    const literals = values.filter((value) => value.isStringLiteral());
    const booleans = values.filter(({ flags }) => flags & ts.TypeFlags.BooleanLiteral);
    const others = values.filter(
      (value) => !literals.includes(value as ts.StringLiteralType) && !booleans.includes(value),
    );
    others.sort((a, b) => (this.checker.typeToString(a) < this.checker.typeToString(b) ? -1 : 1));
    const mixed = others.length > 1 || booleans.length > 0 || literals.length > 0;
    return [
      ...(literals.length > 0 ? [{ type: 'string', enum: literals.map(({ value }) => value).sort() }] : []),
      ...(booleans.length === 1 ? [booleanSchema(booleans[0]!)] : booleans.length > 1 ? [{ type: 'boolean' }] : []),
      ...others.map((other) =>
        mixed && other.flags === ts.TypeFlags.Number ? { type: 'number' } : this.schemaOf(other),
      ),
    ];
  }

  #object(type: ts.Type): Schema {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const property of this.#members(type)) {
      const name = property.getName();
      properties[name] = this.#property(property, name);
      if (!(property.flags & ts.SymbolFlags.Optional)) required.push(name);
    }
    const others = this.checker.getIndexInfoOfType(type, ts.IndexKind.String);
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      ...(others && { additionalProperties: this.schemaOf(others.type) }),
    };
  }

  /** As they are declared; those of a mapped type by name, since the compiler's order depends on other files. */
  #members(type: ts.Type): ts.Symbol[] {
    const members = this.checker.getPropertiesOfType(type);
    const isMapped = (type as ts.ObjectType).objectFlags & ts.ObjectFlags.Mapped;
    if (!isMapped) return members;
    return [...members].sort((a, b) => (a.getName() < b.getName() ? -1 : 1));
  }

  #property(property: ts.Symbol, name: string): Schema {
    const schema = this.schemaOf(this.checker.getTypeOfSymbol(property));
    const description = docOf(property, this.checker);
    const isText = [schema['type']].flat().includes('string') && !schema['enum'];
    return {
      ...schema,
      // Times are RFC 3339 and end in `_at` (docs/spec.md, Terms).
      ...(isText && /(^|_)at$/.test(name) && { format: 'date-time' }),
      ...(schema['type'] === 'integer' && /_per_second$/.test(name) && { type: 'number' }),
      ...(description && { description }),
    };
  }
}

/** The name that a type goes by, where it is ours and stands for this very type. */
function componentSymbol(type: ts.Type): ts.Symbol | undefined {
  const { aliasSymbol, aliasTypeArguments } = type;
  const isReference = Boolean((type as ts.TypeReference).typeArguments?.length);
  const symbol = aliasSymbol ?? (isReference ? undefined : type.getSymbol());
  if (!symbol || aliasTypeArguments?.length) return undefined;
  const named = ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class;
  return symbol.flags & named && symbol.declarations?.every(isOurs) ? symbol : undefined;
}

function literalOr(type: ts.Type, kind: 'string' | 'integer'): Schema {
  return type.isStringLiteral() || type.isNumberLiteral() ? { type: kind, const: type.value } : { type: kind };
}

function booleanSchema(type: ts.Type): Schema {
  const name = (type as unknown as { intrinsicName?: string }).intrinsicName;
  return name === 'true' || name === 'false' ? { type: 'boolean', const: name === 'true' } : { type: 'boolean' };
}
