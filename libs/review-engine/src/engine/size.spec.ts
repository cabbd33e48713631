import { describe, expect, it } from '@jest/globals';
import { cpuMs, leastGrowth } from '@assay/testing';
import { aFinding, aResult, judge, judgeLeniently } from './samples.js';

/** Large input: what takes a second, and so is no part of the mutation run. */
describe('the size of the input', () => {
  const codeOf = (raw: string) => judge(raw).rejection?.code;

  it('VAL-10.a VAL-12.a survives nesting a million levels deep', () => {
    const levels = 1_000_000;
    const raw = `{"schema_version":"1.0","prompt_version":"1.0","findings":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(codeOf(raw)).toBe('limit_exceeded');
    expect(codeOf('['.repeat(levels))).toBe('invalid_json');
    expect(codeOf('['.repeat(levels) + ']'.repeat(levels))).toBe('invalid_type');
  });

  it('VAL-12.h takes time linear in the findings and in the bytes', async () => {
    const findings = (count: number) =>
      JSON.stringify(
        aResult({ findings: Array.from({ length: count }, (_, index) => aFinding({ id: `F${index}`, title: ' x ' })) }),
      );
    const policyWide = { limits: { max_findings: 100_000, max_result_bytes: 64 * 1024 * 1024 } };
    const cost = (review: string) =>
      cpuMs(() => expect(judge(review, { policy: policyWide }).outcome).toBe('accepted'));
    const [few, many] = [findings(4_000), findings(32_000)];
    // Eight times the input; a quadratic step would take sixty-four times as long.
    expect(await leastGrowth(24, cost, few, many)).toBeLessThan(24);
    const huge = aResult({
      findings: [aFinding({ title: ` ${'\u00a0'.repeat(1_000_000)}x ${' '.repeat(1_000_000)}` })],
    });
    expect(judge(huge, { policy: policyWide }).result?.findings[0]?.title).toBe('x');
  });
});

describe('the size of an answer that is no JSON', () => {
  const MIB = 1024 * 1024;
  const keeping = { policy: { truncated: 'keep_complete' } as const };
  const head = '{"schema_version":"1.0","prompt_version":"1.0","findings":[';

  it.each<[string, (bytes: number) => string]>([
    ['raw line breaks', (bytes) => `${head}"${'words\n'.repeat(bytes / 6)}"]}`],
    ['odd escapes', (bytes) => `${head}"${'\\d.'.repeat(bytes / 3)}"]}`],
    ['trailing commas', (bytes) => `${head}${'[1,],'.repeat(bytes / 5)}1,]}`],
    ['open brackets', (bytes) => '[{"a":'.repeat(bytes / 6)],
    ['a string without end', (bytes) => `${'[{"a":'.repeat(bytes / 12)}"${' ]}'.repeat(bytes / 6)}`],
    ['backslashes', (bytes) => `{"a":"${'\\'.repeat(bytes)}`],
    ['white space', (bytes) => `\`\`\`json${' '.repeat(bytes)}{`],
    ['documents', (bytes) => '{"a":1}\n'.repeat(bytes / 8)],
    ['prose', (bytes) => '{ [ ("'.repeat(bytes / 6)],
    ['top-level members', (bytes) => `{${'"a":1,'.repeat(bytes / 6)}`],
    ['a cut behind many findings', (bytes) => `${head}${'{"id":"x\n"},'.repeat(bytes / 12)}{"id`],
  ])('VAL-12.h reads %s in time linear in the bytes', async (_name, text) => {
    const [small, large] = [text(MIB / 8), text(2 * MIB - 200)];
    const cost = (raw: string) => cpuMs(() => judgeLeniently(raw, keeping));
    // Sixteen times the input; a quadratic step would take 256 times as long.
    expect(await leastGrowth(64, cost, small, large)).toBeLessThan(64);
  });
});
