import { SetMetadata } from '@nestjs/common';

export const BODY_SCHEMA_METADATA = 'assay:body-schema';

/**
 * For the API document: the body that a handler takes as {@link JsonBody} and judges by itself. `shape` is a
 * class-validator class, or null; `also` adds to its JSON Schema, member by member, what plain code judges.
 */
export const BodySchema = (shape: object | null, also: Readonly<Record<string, unknown>>) =>
  SetMetadata(BODY_SCHEMA_METADATA, { shape, also });
