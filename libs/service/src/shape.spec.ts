import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Problem } from '@assay/contracts';
import { Type } from 'class-transformer';
import { ArrayNotEmpty, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import { validateShape } from './shape.pipe.js';

class Recipient {
  @IsString() channel: string;
  @IsString() address: string;
}

class Envelope {
  @IsInt() version: number;
  @IsOptional() @IsString() root?: string;
  @ArrayNotEmpty() @ValidateNested({ each: true }) @Type(() => Recipient) recipients: Recipient[];
}

function pointersOf(value: unknown): unknown {
  try {
    validateShape(Envelope, value);
  } catch (problem) {
    return (problem as Problem).options.errors!.map(({ pointer, code }) => `${pointer} ${code}`);
  }
  return null;
}

const good = { version: 1, recipients: [{ channel: 'email', address: 'a@b.org' }] };

describe('validateShape', () => {
  it('ING-10.a points at each bad field, inside lists too', () => {
    expect(pointersOf(good)).toBeNull();
    expect(pointersOf({ ...good, version: '1', recipients: [{ channel: 5, address: 'x', 'to/whom': 1 }] })).toEqual([
      '/version is_int',
      '/recipients/0/to~1whom unknown_field',
      '/recipients/0/channel is_string',
    ]);
    expect(pointersOf({ version: 1 })).toContain('/recipients array_not_empty');
    for (const value of [null, 'text', 5, [good]]) expect(pointersOf(value)).toEqual([' invalid_type']);
  });

  it('ING-10.a refuses null where a member may be absent', () => {
    expect(pointersOf({ ...good, root: null })).toEqual(['/root invalid_type']);
    expect(pointersOf({ ...good, version: null })).toEqual(['/version invalid_type']);
  });

  it('ING-10.b, VAL-12.f takes prototype keys for the unknown fields that they are', () => {
    const rest = JSON.stringify(good).slice(1);
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const hostile: unknown = JSON.parse(`{"${key}":{"root":"x"},${rest}`);
      expect(pointersOf(hostile)).toEqual([`/${key} unknown_field`]);
    }
    expect(({} as { root?: string }).root).toBeUndefined();
  });
});
