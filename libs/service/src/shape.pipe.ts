import { Injectable } from '@nestjs/common';
import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import type { FieldError } from '@assay/contracts';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { ValidationError } from 'class-validator';
import { JsonBody } from './json-body.js';

type Shape<T extends object> = new () => T;

/** Nest's own parameter types, which are no shapes. */
const PRIMITIVES: readonly unknown[] = [String, Number, Boolean, Array, Object, Buffer, undefined, JsonBody];

/**
 * Judges bodies and queries by the class-validator class that the handler declares, and answers `invalid_request` with
 * a pointer per bad field. Unknown fields are refused (ING-10). `@Body() body: JsonBody` passes as it is: for bodies
 * whose large members must not be copied (class-transformer copies all, 89 ms for a large review result).
 */
@Injectable()
export class ShapePipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'body' && value instanceof Problem) throw value;
    if (type === 'custom' || type === 'param') return value;
    if (metatype === JsonBody) return requireBody(value);
    if (PRIMITIVES.includes(metatype)) return value instanceof JsonBody ? value.value : value;
    if (type === 'body') return validateShape(metatype as Shape<object>, requireBody(value).value);
    return validateShape(metatype as Shape<object>, value, queryPointer);
  }
}

/** The request's body; a request without one is refused. */
export function requireBody(value: unknown): JsonBody {
  if (value instanceof JsonBody) return value;
  throw new Problem('malformed_json', { detail: 'The request has no body.' });
}

const bodyPointer = (path: string[]): string => path.map((part) => `/${escapePointer(part)}`).join('');
const queryPointer = (path: string[]): string => `?${path.join('.')}`;

/** An instance of `shape` made from a JSON value; throws `invalid_request` with every fault. */
export function validateShape<T extends object>(
  shape: Shape<T>,
  value: unknown,
  pointer: (path: string[]) => string = bodyPointer,
): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid([{ pointer: '', code: 'invalid_type', detail: 'must be an object' }]);
  }
  const unseen = Object.keys(value).filter(isUnseen);
  if (unseen.length > 0) throw invalid(unseen.map((key) => unknownField(pointer([key]))));
  // class-validator's IsOptional lets null pass where the code behind knows only what is absent.
  const nulls = Object.entries(value).filter(([, member]) => member === null);
  if (nulls.length > 0) throw invalid(nulls.map(([key]) => nullField(pointer([key]))));
  const instance = plainToInstance(shape, value);
  const faults = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (faults.length > 0) throw invalid(faults.flatMap((fault) => fieldErrors(fault, [], pointer)));
  return instance;
}

/** Names that every object has: class-transformer and class-validator pass over them as if they were not there. */
function isUnseen(key: string): boolean {
  return key in Object.prototype || key === 'prototype';
}

function unknownField(pointer: string): FieldError {
  return { pointer, code: 'unknown_field', detail: 'should not exist' };
}

function nullField(pointer: string): FieldError {
  return { pointer, code: 'invalid_type', detail: 'must not be null' };
}

export function invalid(errors: FieldError[]): Problem {
  return new Problem('invalid_request', { errors });
}

function fieldErrors(
  { property, constraints, children }: ValidationError,
  above: string[],
  pointer: (path: string[]) => string,
): FieldError[] {
  const path = [...above, property];
  const own = Object.entries(constraints ?? {}).map(([constraint, message]) => ({
    pointer: pointer(path),
    code: codeOf(constraint),
    // class-validator's messages begin with the property's name, which the pointer gives already.
    detail: message.replace(/^(?:property )?\S+ /, ''),
  }));
  return [...own, ...(children ?? []).flatMap((child) => fieldErrors(child, path, pointer))];
}

/** `isInt` → `is_int`; stable as far as class-validator's names are. */
function codeOf(constraint: string): string {
  if (constraint === 'whitelistValidation') return 'unknown_field';
  return constraint.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function escapePointer(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}
