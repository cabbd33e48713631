import 'reflect-metadata';
import { definePolicy, prepareChangedFiles, publishedSchema, validateReview } from '@assay/review-engine';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { plainToInstance, Type } from 'class-transformer';
import {
  IsArray,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Min,
  ValidateNested,
  validateSync,
} from 'class-validator';
import { z } from 'zod';
import type { Payload } from './engine-corpus.js';

/** Each gets raw bytes. Only ours also coerces, matches files and explains; the others answer yes or no and errors. */
export type Contender = (payload: Payload) => unknown;

const SEVERITY = ['critical', 'high', 'medium', 'low', 'info'] as const;
const CATEGORY = ['correctness', 'security', 'performance', 'reliability', 'maintainability', 'style', 'test'] as const;
const CONFIDENCE = ['high', 'medium', 'low'] as const;

const text = z.string().min(1);
const zodResult = z.strictObject({
  schema_version: z.string().regex(/^\d+\.\d+$/),
  prompt_version: z.string().regex(/^\d+\.\d+(\.\d+)?$/),
  findings: z.array(
    z.strictObject({
      id: text,
      severity: z.enum(SEVERITY),
      category: z.enum(CATEGORY),
      title: text,
      file: text,
      line: z.int().min(1),
      message: text,
      end_line: z.int().min(1).optional(),
      suggestion: z.string().optional(),
      confidence: z.enum(CONFIDENCE).optional(),
      rule_id: z.string().optional(),
    }),
  ),
  summary: z.string().optional(),
  meta: z.record(z.string(), z.unknown()).optional(),
});

class FindingShape {
  @IsString() @IsNotEmpty() id: string;
  @IsIn(SEVERITY) severity: string;
  @IsIn(CATEGORY) category: string;
  @IsString() @IsNotEmpty() title: string;
  @IsString() @IsNotEmpty() file: string;
  @IsInt() @Min(1) line: number;
  @IsString() @IsNotEmpty() message: string;
  @IsOptional() @IsInt() @Min(1) end_line?: number;
  @IsOptional() @IsString() suggestion?: string;
  @IsOptional() @IsIn(CONFIDENCE) confidence?: string;
  @IsOptional() @IsString() rule_id?: string;
}

class ResultShape {
  @IsString() schema_version: string;
  @IsString() prompt_version: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => FindingShape) findings: FindingShape[];
  @IsOptional() @IsString() summary?: string;
  @IsOptional() meta?: object;
}

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    return undefined;
  }
}

export function engineContenders(): Record<string, Contender> {
  const policy = definePolicy();
  const ajv = new Ajv2020({ allErrors: true }).compile(publishedSchema('1.0')!);
  const whitelist = { whitelist: true, forbidNonWhitelisted: true };
  return {
    assay: ({ raw, changed_files }) => validateReview({ raw }, prepareChangedFiles({ changed_files }), policy),
    json_parse: ({ raw }) => parsed(raw),
    ajv_all_errors: ({ raw }) => ajv(parsed(raw)),
    zod: ({ raw }) => zodResult.safeParse(parsed(raw)),
    class_validator: ({ raw }) => {
      const value = parsed(raw);
      if (typeof value !== 'object' || value === null) return null;
      return validateSync(plainToInstance(ResultShape, value), whitelist);
    },
  };
}
