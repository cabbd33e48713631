import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anyCharacter } from './any-character.fixture.js';
import { aFinding, aValidatedReview } from './example-input.fixture.js';
import { inReadingOrder, renderingInput, renderMail, renderWebhook } from './index.js';
import type { Finding, FindingCounts } from '@assay/contracts';
import type { RenderingInput } from './rendering-input.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

const review = (findings: Finding[], counts?: Partial<FindingCounts>) => {
  const base = aValidatedReview({ result: { schema_version: '1.0', prompt_version: '2.1.0', findings } });
  return renderingInput({ ...base, counts: { ...base.counts, ...counts } }, LINKS);
};

const dataOf = (input: RenderingInput): unknown =>
  (JSON.parse(renderWebhook(input).body.toString()) as { data: unknown }).data;

describe('messages', () => {
  it('DEL-12.a orders findings by severity, then file, then line', () => {
    const findings = [
      aFinding({ id: 'e', severity: 'novel' }),
      aFinding({ id: 'd', severity: 'low', file: 'a' }),
      aFinding({ id: 'c', severity: 'high', file: 'b', line: 1 }),
      aFinding({ id: 'b', severity: 'high', file: 'a', line: 10 }),
      aFinding({ id: 'a', severity: 'high', file: 'a', line: 9 }),
      aFinding({ id: '0', severity: 'critical', file: 'z' }),
    ];
    expect(inReadingOrder(findings).map(({ id }) => id)).toEqual(['0', 'a', 'b', 'c', 'd', 'e']);
  });

  it('VAL-16.j says in every message that a review which was cut off is not whole', () => {
    const whole = renderingInput(aValidatedReview(), LINKS);
    const cut = renderingInput(aValidatedReview({ truncated: true }), LINKS);
    const mail = renderMail(cut);
    expect(mail.subject).toBe('[Assay] 1234 v1: 1 finding (1 high), cut off');
    for (const text of [mail.text, mail.html]) expect(text).toContain('the review is not whole');
    expect(dataOf(cut)).toMatchObject({ truncated: true });
    expect(renderMail(whole).text).not.toMatch(/cut off|not whole/);
    expect(dataOf(whole)).toMatchObject({ truncated: false });
  });

  it('VAL-18.k names the file alone where a finding has no line of its own', () => {
    const findings = [aFinding({ line: 1 }), aFinding({ id: 'F-2', file: 'src/other.ts', line: 1 })];
    const result = { schema_version: '1.0', prompt_version: '2.1.0', findings };
    const input = renderingInput(aValidatedReview({ result, lines_defaulted: ['F-1'] }), LINKS);
    const { text, html } = renderMail(input);
    expect(text).toContain('  src/loop.ts  Off by one');
    expect(text).toContain('  src/other.ts:1  Off by one');
    expect(html).toContain('<code>src/loop.ts</code>');
    expect(dataOf(input)).toMatchObject({ lines_defaulted: ['F-1'] });
  });

  it('DEL-12.a shows findings, counts by reason and links in text and HTML', () => {
    const input = review(
      [
        aFinding({ line: 3, end_line: 9, confidence: 'low', rule_id: 'R1', suggestion: 'Use <=' }),
        aFinding({ id: 'F-2', severity: 'critical', title: 'Leaks' }),
      ],
      { submitted: 5, kept: 2, coerced: 1, dropped: 3, by_code: { invalid_type: 2, duplicate_finding_id: 1 } },
    );
    const mail = renderMail(input);
    expect(mail.subject).toBe('[Assay] 1234 v1: 2 findings (1 critical, 1 high), 3 could not be used');
    expect(mail.text).toBe(
      [
        'Review of 1234, version 1: 2 findings (1 critical, 1 high), 3 could not be used',
        '',
        '5 findings submitted: 2 kept (1 coerced), 3 dropped.',
        'By reason: duplicate_finding_id 1, invalid_type 2.',
        '',
        'CRITICAL (1)',
        '',
        '  src/loop.ts:12  Leaks  [correctness]',
        '    The last element is never read.',
        '',
        'HIGH (1)',
        '',
        '  src/loop.ts:3-9  Off by one  [correctness, confidence low, rule R1]',
        '    The last element is never read.',
        '    Suggestion:',
        '    Use <=',
        '',
        'Job: https://assay.example/v1/reviews/1',
        'Findings and diagnostics: https://assay.example/v1/reviews/1/findings',
        '',
      ].join('\n'),
    );
    for (const part of ['src/loop.ts:3-9', 'Use &lt;=', '3 dropped', 'duplicate_finding_id 1', '/findings">']) {
      expect(mail.html).toContain(part);
    }
  });

  it('DEL-12.a says so when everything was dropped, and when there was nothing to say', () => {
    const dropped = renderMail(review([], { submitted: 2, kept: 0, dropped: 2 }));
    expect(dropped.text).toContain('Warning: every finding was dropped.');
    const clean = renderMail(review([]));
    expect(clean.subject).toBe('[Assay] 1234 v1: no findings');
    expect(clean.text).not.toContain('Warning');
  });

  it('DEL-18.a says in subject, text, HTML and webhook how many findings could not be used', () => {
    const said = [review([], { submitted: 12, kept: 0, dropped: 12 }), review([aFinding()], { dropped: 1 })].map(
      (input) => {
        const { subject, text, html } = renderMail(input);
        const { data } = JSON.parse(renderWebhook(input).body.toString()) as { data: { unusable: number } };
        return [subject, text.split('\n')[0], /<h1[^>]*>(.*)<\/h1>/.exec(html)![1], data.unusable];
      },
    );
    const none = 'no usable findings (12 could not be used)';
    const some = '1 finding (1 high), 1 could not be used';
    expect(said).toEqual([
      [`[Assay] 1234 v1: ${none}`, `Review of 1234, version 1: ${none}`, `Review of 1234, version 1: ${none}`, 12],
      [`[Assay] 1234 v1: ${some}`, `Review of 1234, version 1: ${some}`, `Review of 1234, version 1: ${some}`, 1],
    ]);
  });

  it('DEL-18.a cuts a long changelist in the subject, not what is said of the findings', () => {
    const input = review(
      ['critical', 'high', 'medium', 'low', 'info'].map((severity, n) => aFinding({ id: `F-${n}`, severity })),
      { dropped: 1_000 },
    );
    const { subject } = renderMail({ ...input, changelist_id: 'c'.repeat(128) });
    expect(subject).toMatch(/^\[Assay\] c+… v1: 5 findings \(.*\), 1000 could not be used$/);
    expect(subject).toHaveLength(200);
  });

  it('DEL-12.e reads on a phone and in the dark, and fetches nothing', () => {
    const mail = renderMail(
      review([aFinding({ message: '![x](https://evil.example/x.png) url(https://evil.example)' })]),
    );
    expect(mail.html).toContain('<meta name="viewport" content="width=device-width,initial-scale=1">');
    expect(mail.html).toContain('<meta name="color-scheme" content="light dark">');
    expect(mail.html).toContain('@media(prefers-color-scheme:dark)');
    // A long path breaks, lists have no indent, and what was written on several lines stays so without a style sheet.
    expect(mail.html).toContain('overflow-wrap:anywhere');
    expect(mail.html).toContain('<ul style="list-style:none;margin:0;padding:0">');
    expect(mail.html).toContain('<p style="white-space:pre-wrap">![x](https://evil.example/x.png)');
    const elements = new Set([...mail.html.matchAll(/<([a-z0-9]+)[ >]/g)].map(([, name]) => name));
    expect([...elements].sort()).toEqual(
      ['a', 'body', 'br', 'code', 'h1', 'h2', 'head', 'html', 'li', 'meta', 'p', 'small', 'strong', 'style']
        .concat('title', 'ul')
        .sort(),
    );
    const [style] = /<style>.*<\/style>/s.exec(mail.html)!;
    expect(style).not.toMatch(/url\(|@import|http/);
    const attributes = new Set([...mail.html.matchAll(/ ([a-z-]+)="/g)].map(([, name]) => name));
    expect(
      [...attributes].filter((name) => !['charset', 'class', 'content', 'lang', 'name', 'style'].includes(name!)),
    ).toEqual(['href']);
    const hrefs = [...mail.html.matchAll(/href="([^"]*)"/g)].map(([, url]) => url);
    expect(hrefs).toEqual([LINKS.job, LINKS.findings]);
  });

  it('DEL-12.a marks a finding by its severity, and one of tomorrow by none', () => {
    const { html } = renderMail(review([aFinding(), aFinding({ id: 'F-2', severity: 'x" onload="y' })]));
    expect(html.match(/<li[^>]*>/g)).toEqual(['<li class="high">', '<li>']);
  });

  it('DEL-12.b escapes everything from outside', () => {
    const evil = '<script>alert("1")</script>&\'\u0000\u001b[31m\u202e';
    const input = review([
      aFinding({
        title: evil,
        file: evil,
        message: evil,
        suggestion: evil,
        category: evil,
        rule_id: evil,
        severity: evil,
      }),
    ]);
    const mail = renderMail({ ...input, summary: evil, changelist_id: evil });
    expect(mail.html).not.toContain('<script');
    for (const part of [mail.html, mail.text, mail.subject]) {
      expect(part).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
    }
  });

  it('DEL-12.b never lets a title, a file or a changelist start a line of its own', () => {
    const text = renderMail(
      review([aFinding({ title: 'a\nCRITICAL (1)\n', file: 'b\r\nJob: https://evil.example' })]),
    ).text;
    expect(text.split('\n').filter((line) => /^(CRITICAL|Job: https:\/\/evil)/.test(line))).toEqual([]);
  });

  it('DEL-12.d renders the same bytes from the same row, whatever the findings hold', () => {
    const text = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 30 });
    const finding = fc.record({
      id: text,
      title: text,
      file: text,
      message: text,
      severity: fc.constantFrom('low', 'x'),
    });
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 5 }), (parts) => {
        const stored = JSON.stringify(review(parts.map((part) => aFinding(part))));
        const twice = [1, 2].map(() => JSON.parse(stored) as Parameters<typeof renderMail>[0]);
        expect(renderMail(twice[0]!)).toEqual(renderMail(twice[1]!));
        expect(renderWebhook(twice[0]!).body.equals(renderWebhook(twice[1]!).body)).toBe(true);
      }),
    );
  });

  it('DEL-12.a gives a webhook the findings in order, with counts and links', () => {
    const input = review([aFinding({ severity: 'low' }), aFinding({ id: 'F-2', severity: 'high' })], { dropped: 1 });
    const body = JSON.parse(renderWebhook(input).body.toString()) as { data: { findings: Finding[] } };
    expect(body).toMatchObject({
      type: 'review.findings',
      timestamp: '2026-11-23T10:20:30.456Z',
      data: { changelist_id: '1234', counts: { dropped: 1 }, links: { job: expect.stringContaining('/v1/reviews/') } },
    });
    expect(body.data.findings.map(({ id }) => id)).toEqual(['F-2', 'F-1']);
  });
});
