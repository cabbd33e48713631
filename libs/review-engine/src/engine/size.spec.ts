import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from './samples.js';

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

  it('VAL-12.h takes time linear in the findings and in the bytes', () => {
    const findings = (count: number) =>
      JSON.stringify(
        aResult({ findings: Array.from({ length: count }, (_, index) => aFinding({ id: `F${index}`, title: ' x ' })) }),
      );
    const policyWide = { limits: { max_findings: 100_000, max_result_bytes: 64 * 1024 * 1024 } };
    const timed = (review: string) => {
      const started = performance.now();
      expect(judge(review, { policy: policyWide }).outcome).toBe('accepted');
      return performance.now() - started;
    };
    timed(findings(4_000));
    const small = Math.min(...[1, 2, 3].map(() => timed(findings(4_000))));
    const large = Math.min(...[1, 2, 3].map(() => timed(findings(32_000))));
    // Eight times the input; a quadratic step would take sixty-four times as long.
    expect(large / small).toBeLessThan(24);
    const huge = aResult({
      findings: [aFinding({ title: ` ${'\u00a0'.repeat(1_000_000)}x ${' '.repeat(1_000_000)}` })],
    });
    expect(judge(huge, { policy: policyWide }).result?.findings[0]?.title).toBe('x');
  });
});
