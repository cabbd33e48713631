import { describe, expect, it } from '@jest/globals';
import { cleanContext, cleanText, cleanWord } from './sanitize.js';

describe('what is stored of a failure', () => {
  it('DLQ-3.c holds no secret and no address', () => {
    const planted = 'smtp://bot:tangerine@mail/ for jo@example.org, Authorization: Bearer tan-ger-ine-9';
    const kept = [cleanText(planted), JSON.stringify(cleanContext({ note: planted, password: 'tangerine' }))].join();
    expect(kept).not.toMatch(/tangerine|tan-ger-ine-9|jo@example/);
  });

  it('DLQ-3.c holds no full payload: long texts are cut, what is too large is left out by name', () => {
    const context = cleanContext({ attempts: 3, body: 'x'.repeat(5_000), rows: Array(9_000).fill('a b'), last: 1 });
    expect(context).toMatchObject({ attempts: 3, left_out: ['rows'], last: 1 });
    expect((context.body as string).length).toBeLessThan(600);
    expect(Buffer.byteLength(cleanText('é'.repeat(9_000)))).toBeLessThanOrEqual(8 * 1024);
    expect(cleanContext('not an object')).toEqual({});
  });

  it('DLQ-3.d holds what a receiver answered whole, up to 1 KiB, and redacted', () => {
    const text = 'not today, '.repeat(93);
    expect(cleanContext({ answer: { status: 503, headers: { 'retry-after': '60' }, text } })).toEqual({
      answer: { status: 503, headers: { 'retry-after': '60' }, text },
    });
    const planted = cleanContext({ answer: { status: 400, headers: {}, text: 'no such user jo@example.org' } });
    expect(JSON.stringify(planted)).not.toContain('jo@example');
  });

  it('VAL-12.f is storable whatever it held', () => {
    expect(cleanText('a\0b\ud800c')).toBe('a\uFFFDb\uFFFDc');
    expect(cleanWord('a\0b')).toBe('a\uFFFDb');
    expect(JSON.stringify(cleanContext({ 'k\0': { 'n\0': ['v\0'] } }))).not.toContain('u0000');
  });
});
