import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Finding } from '@assay/contracts';
import { aFinding, aValidatedReview } from './example-input.fixture.js';
import { renderCompactMail, renderCompactWebhook, renderingInput, renderMail, renderWebhook } from './index.js';
import type { RenderingInput, WebhookPayload } from './index.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

function review(findings: Finding[]): RenderingInput {
  const result = { schema_version: '1.0', prompt_version: '2.1.0', findings, summary: 's'.repeat(10_000) };
  return renderingInput(aValidatedReview({ result }), LINKS);
}

interface Data {
  compact?: boolean;
  left_out?: number;
  summary: string | null;
  findings: Finding[];
  counts: { kept: number };
  links: object;
}
const dataOf = ({ body }: WebhookPayload) => (JSON.parse(body.toString()) as { data: Data }).data;

const eighty = Array.from({ length: 80 }, (_, n) =>
  aFinding({ id: `F-${n}`, severity: n < 70 ? 'low' : 'critical', file: `src/f${n}.ts`, message: 'm'.repeat(400) }),
);

describe('the compact form', () => {
  it('DEL-16.c of a webhook has the counts, the worst findings that fit, how many are left out, and links', () => {
    const payload = renderCompactWebhook(review(eighty), 8_000);
    const { findings, ...data } = dataOf(payload);
    expect(payload.bytes).toBe(payload.body.length);
    expect([payload.bytes <= 8_000, payload.bytes > 7_000]).toEqual([true, true]);
    expect(data).toMatchObject({ compact: true, summary: null, counts: { kept: 80 }, links: LINKS });
    expect(data.left_out).toBe(80 - findings.length);
    expect(findings.slice(0, 10).every(({ severity }) => severity === 'critical')).toBe(true);
    expect(dataOf(renderWebhook(review(eighty)))).not.toHaveProperty('compact');
  });

  it('DEL-16.c of a mail has the same, and says in text and HTML what is left out', () => {
    const whole = renderMail(review(eighty));
    const { subject, text, html, bytes } = renderCompactMail(review(eighty), 10_000);
    expect([bytes <= 10_000, bytes > 8_000]).toEqual([true, true]);
    expect(subject).toBe(whole.subject);
    const shown = text.match(/^ {2}src\/f/gm)!.length;
    for (const part of [text, html]) {
      expect(part).toContain('80 findings submitted: 80 kept');
      expect(part).toContain(`${80 - shown} findings more can be read under the links`);
      expect(part).toContain(LINKS.findings);
      expect(part).toMatch(/critical \(8 of 10\)/i);
      expect(part).toContain('src/f70.ts');
    }
    expect(whole.text).not.toContain('more can be read');
  });

  it('DEL-16.c shows none where not even the worst fits, and never more than fits', () => {
    const huge = review([aFinding({ severity: 'critical', message: 'm'.repeat(50_000) }), aFinding({ id: 'F-2' })]);
    expect(dataOf(renderCompactWebhook(huge, 4_000))).toMatchObject({ findings: [], left_out: 2 });
    const findings = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(findings, fc.integer({ min: 2_500, max: 60_000 }), (lengths, max_bytes) => {
        const input = review(lengths.map((length, n) => aFinding({ id: `F-${n}`, message: 'é'.repeat(length) })));
        const forms = [renderCompactWebhook(input, max_bytes), renderCompactMail(input, max_bytes)];
        for (const { bytes } of forms) expect(bytes).toBeLessThanOrEqual(max_bytes);
        const { findings: shown } = dataOf(forms[0] as WebhookPayload);
        expect(shown).toEqual(input.findings.slice(0, shown.length));
      }),
      { numRuns: 50 },
    );
  });

  it('DEL-12.d is the same bytes from the same row', () => {
    expect(renderCompactMail(review(eighty), 9_000)).toEqual(renderCompactMail(review(eighty), 9_000));
    expect(renderCompactWebhook(review(eighty), 9_000)).toEqual(renderCompactWebhook(review(eighty), 9_000));
  });
});
