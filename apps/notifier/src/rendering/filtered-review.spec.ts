import { describe, expect, it } from '@jest/globals';
import { CATEGORIES, CONFIDENCES, SEVERITIES } from '@assay/contracts';
import type { Finding } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';
import { publishedSchema, REGISTERED_VERSIONS } from '@assay/review-engine';
import { aFinding, aValidatedReview } from './example-input.fixture.js';
import {
  filteredReview,
  hasNothingToTell,
  renderCompactWebhook,
  renderingInput,
  renderMail,
  renderSlack,
  renderWebhook,
} from './index.js';
import type { RenderingInput } from './index.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };
const EVERY: FindingFilter = { min_severity: null, min_confidence: null, categories: null };

function review(findings: Partial<Finding>[], dropped = 0): RenderingInput {
  const made = findings.map((each, n) => aFinding({ id: `F-${n}`, ...each }));
  const result = { schema_version: '1.0', prompt_version: '2.1.0', findings: made };
  const counts = { submitted: made.length + dropped, kept: made.length, dropped, coerced: 0, by_code: {} };
  return renderingInput(aValidatedReview({ result, counts, lines_defaulted: ['F-0'] }), LINKS);
}
const shown = (input: RenderingInput, filter: Partial<FindingFilter>) =>
  filteredReview(input, { ...EVERY, ...filter }).findings.map(({ id }) => id);

describe('thresholds', () => {
  it('DEL-16.b let a severity pass that is this or worse, and one that nobody knows', () => {
    const input = review([...SEVERITIES, 'novel'].map((severity) => ({ severity })));
    for (const [n, min_severity] of SEVERITIES.entries()) {
      expect(shown(input, { min_severity })).toEqual([...SEVERITIES.slice(0, n + 1).keys(), 5].map((id) => `F-${id}`));
    }
  });

  it('DEL-16.b let a confidence pass that is this or surer, and one that is absent', () => {
    const input = review([...CONFIDENCES.map((confidence) => ({ confidence })), {}]);
    expect(shown(input, { min_confidence: 'high' })).toEqual(['F-0', 'F-3']);
    expect(shown(input, { min_confidence: 'medium' })).toEqual(['F-0', 'F-1', 'F-3']);
    expect(shown(input, { min_confidence: 'low' })).toHaveLength(4);
  });

  it('DEL-16.b let the categories pass that are asked for, and hold together with the others', () => {
    const input = review([
      { category: 'security', severity: 'low' },
      { category: 'security', severity: 'critical' },
      { category: 'style', severity: 'critical' },
    ]);
    expect(shown(input, { categories: ['security', 'test'] })).toEqual(['F-1', 'F-0']);
    expect(shown(input, { categories: ['security'], min_severity: 'high' })).toEqual(['F-1']);
  });

  it('DEL-16.b leave a review alone whose recipient asks for everything', () => {
    const input = review([{}]);
    expect(filteredReview(input, null)).toBe(input);
  });

  it('knows the words of the contracts, in their order', () => {
    for (const { version } of REGISTERED_VERSIONS) {
      const schema = publishedSchema(version) as {
        $defs: { finding: { properties: Record<string, { enum: string[] }> } };
      };
      const { severity, confidence, category } = schema.$defs.finding.properties;
      expect([severity, confidence, category].map((each) => each!.enum)).toEqual([SEVERITIES, CONFIDENCES, CATEGORIES]);
    }
  });
});

describe('what a threshold withheld', () => {
  const input = review([{ severity: 'critical' }, { severity: 'low' }, { severity: 'low' }], 1);
  const some = filteredReview(input, { ...EVERY, min_severity: 'high' });
  const none = filteredReview(review([{ severity: 'low' }]), { ...EVERY, min_severity: 'high', categories: ['test'] });

  it('is counted in the subject, the text, the HTML, the webhook and the chat message', () => {
    const { subject, text, html } = renderMail(some);
    expect(subject).toBe('[Assay] 1234 v1: 1 finding (1 critical), 2 withheld, 1 could not be used');
    const slack = renderSlack(some).body.toString();
    for (const part of [text, html, slack]) {
      expect(part).toContain('2 findings withheld: this recipient asks for severity high or worse.');
      expect(part).toContain('4 findings submitted: 3 kept');
    }
    for (const body of [renderWebhook(some).body, renderCompactWebhook(some, 4_000).body]) {
      const { data } = JSON.parse(body.toString()) as { data: { findings: Finding[] } };
      expect(data).toMatchObject({ withheld: 2, filter: { min_severity: 'high' }, counts: { kept: 3 } });
      expect(data.findings.map(({ id }) => id)).toEqual(['F-0']);
    }
    expect(renderMail(input).text).not.toContain('withheld');
  });

  it('is all that a message says of where nothing is left', () => {
    const { subject, text } = renderMail(none);
    expect(subject).toBe('[Assay] 1234 v1: no findings to show (1 withheld)');
    expect(text).toContain('this recipient asks for severity high or worse, category test.');
    expect(text).not.toContain('src/loop.ts');
    expect(none.lines_defaulted).toEqual([]);
  });

  it('leaves nothing to tell, unless findings could not be used or the review was cut off', () => {
    expect([none, some, input].map(hasNothingToTell)).toEqual([true, false, false]);
    const low = review([{ severity: 'low' }], 1);
    expect(hasNothingToTell(filteredReview(low, { ...EVERY, min_severity: 'high' }))).toBe(false);
    expect(hasNothingToTell({ ...none, truncated: true })).toBe(false);
    expect(hasNothingToTell(review([]))).toBe(true);
  });
});
