import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anEntry } from './an-export.fixture.js';
import { decodeEntry, encodeEntry } from './entry.js';
import type { Json, NewAuditEntry } from './entry.js';

const text = (entry: NewAuditEntry) => encodeEntry(entry).toString('utf8');
const malformed = expect.objectContaining({ code: 'malformed_entry' });

describe('an entry', () => {
  it('DLQ-11.c is written as RFC 8785 says: members in order, no white space, texts with their time and salt', () => {
    expect(encodeEntry(anEntry(1), Buffer.alloc(16, 0xa5)).toString('utf8')).toBe(
      '{"action":"dead_letter.discarded","actor":"key:dana","correlation_id":"corr-1",' +
        '"details":{"forced":false,"from":"open"},"format":"assay.audit/v1",' +
        '"id":"01900000-0000-7000-8000-000000000001","occurred_at":"2026-01-02T03:04:06.000Z",' +
        '"origin":"192.0.2.7","outcome":"done","reason":"the mailbox is gone","role":"operator",' +
        '"salt":"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5","service":"dead-letter","source":"acme",' +
        '"subject_id":"letter-1","subject_type":"dead_letter"}',
    );
  });

  it('DLQ-11.c writes numbers, texts and names as the example of RFC 8785 does', () => {
    const details = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as NewAuditEntry['details'];
    expect(text(anEntry(1, { details }))).toContain(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('DLQ-11.c sorts names by their UTF-16 code units, as the other example does', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const details = Object.fromEntries(names.map((name) => [name, true]));
    const told = decodeEntry(encodeEntry(anEntry(1, { details })));
    expect(Object.keys(told.details)).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
  });

  it('DLQ-11.c has 16 random bytes of salt, so that two that say the same have nothing in common', () => {
    const salts = Array.from({ length: 50 }, () => decodeEntry(encodeEntry(anEntry(1))).salt);
    expect(new Set(salts).size).toBe(50);
    expect(salts.every((salt) => /^[0-9a-f]{32}$/.test(salt))).toBe(true);
  });

  it('DLQ-11.c is one line, and says again what it was given, for any texts', () => {
    const json = fc.jsonValue().filter((value) => JSON.stringify(value).isWellFormed());
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), json, (reason, value) => {
        const details = { value: JSON.parse(JSON.stringify(value)) as Json };
        const bytes = encodeEntry(anEntry(1, { reason, details }));
        expect(bytes.includes(0x0a)).toBe(false);
        expect(decodeEntry(bytes)).toMatchObject({ reason, details });
      }),
    );
  });

  it('DLQ-11.c has a replacement character for half of a surrogate pair, which has no bytes', () => {
    const bytes = encodeEntry(anEntry(1, { reason: 'a\ud800b', details: { to: '\udc00' } }));
    expect(decodeEntry(bytes)).toMatchObject({ reason: 'a\ufffdb', details: { to: '\ufffd' } });
  });

  it.each([
    ['no time', { occurred_at: '' }],
    ['a time that is none', { occurred_at: '2026-13-02T03:04:06Z' }],
    ['a time of another zone', { occurred_at: '2026-01-02T03:04:06+01:00' }],
    ['a time that is a number', { occurred_at: 1_767_323_046 }],
    ['another outcome', { outcome: 'perhaps' }],
    ['details that are a list', { details: [] }],
    ['an actor that is a number', { actor: 7 }],
    ['no subject', { subject_id: undefined }],
    ['more than 64 KiB', { reason: 'x'.repeat(65_536) }],
  ])('DLQ-11.c is not made with %s', (_what, differs) => {
    expect(() => encodeEntry(anEntry(1, differs as never))).toThrow(malformed);
  });

  it.each([
    ['white space', (whole: string) => whole.replace(',', ', ')],
    ['another order', (whole: string) => whole.replace(/\{("action":"[^"]+"),(.*)\}$/, '{$2,$1}')],
    ['an escape that is not needed', (whole: string) => whole.replace('acme', String.raw`\u0061cme`)],
    ['a name twice', (whole: string) => whole.replace('{"action"', '{"action":"x","action"')],
    ['no salt', (whole: string) => whole.replace(/"salt":"[^"]+",/, '')],
    ['another format', (whole: string) => whole.replace('audit/v1', 'audit/v2')],
    ['no JSON', (whole: string) => whole.slice(1)],
  ])('DLQ-11.c is not read with %s', (_what, change) => {
    const changed = change(text(anEntry(1)));
    expect(() => decodeEntry(Buffer.from(changed))).toThrow(malformed);
  });

  it('DLQ-11.c is read with members that a later version may add', () => {
    const later = encodeEntry({ ...anEntry(1), approved_by: 'key:erin' } as NewAuditEntry);
    expect(decodeEntry(later)).toMatchObject({ approved_by: 'key:erin' });
  });
});
