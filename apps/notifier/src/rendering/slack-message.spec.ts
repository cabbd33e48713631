import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Finding, FindingCounts } from '@assay/contracts';
import fc from 'fast-check';
import { startSlackServer } from '../providers/conformance/slack-server.fixture.js';
import type { SlackServer } from '../providers/conformance/slack-server.fixture.js';
import { anyCharacter } from './any-character.fixture.js';
import { aFinding, aValidatedReview } from './example-input.fixture.js';
import { renderingInput, renderSlack } from './index.js';
import type { RenderingInput } from './index.js';

const LINKS = {
  job: 'https://assay.example/v1/reviews/1',
  findings: 'https://assay.example/v1/reviews/1/findings?a=1&b',
};

function review(findings: Finding[], counts: Partial<FindingCounts> = {}): RenderingInput {
  const base = aValidatedReview({ result: { schema_version: '1.0', prompt_version: '2.1.0', findings } });
  return renderingInput({ ...base, counts: { ...base.counts, ...counts } }, LINKS);
}

let slack: SlackServer;
beforeEach(async () => {
  slack = await startSlackServer();
});
afterEach(() => slack.close());

/** As the server has taken it; it refuses what Slack refuses. */
async function posted(input: RenderingInput) {
  const answer = await fetch(slack.hook_url, { method: 'POST', body: new Uint8Array(renderSlack(input).body) });
  expect([answer.status, await answer.text()]).toEqual([200, 'ok']);
  return slack.posted.at(-1)!;
}

describe('the message of a Slack-compatible webhook', () => {
  it('DEL-12.a shows findings, counts by reason and links', async () => {
    const { text, blocks } = await posted(
      review(
        [aFinding({ suggestion: 'Use <=\nor ==' }), aFinding({ id: 'F-2', severity: 'critical', title: 'Leaks' })],
        {
          submitted: 3,
          kept: 2,
          dropped: 1,
          by_code: { invalid_type: 1 },
        },
      ),
    );
    const head = 'Review of 1234, version 1: 2 findings (1 critical, 1 high), 1 could not be used';
    expect(blocks.map((block) => block.text!.text)).toEqual([
      `*${head}*`,
      '3 findings submitted: 2 kept (0 coerced), 1 dropped.\nBy reason: invalid_type 1.',
      '*Leaks*  `src/loop.ts:12`  [critical: correctness]\n>The last element is never read.',
      '*Off by one*  `src/loop.ts:12`  [high: correctness]\n>The last element is never read.\nSuggestion:\n>Use &lt;=\n>or ==',
      '<https://assay.example/v1/reviews/1|Job> · <https://assay.example/v1/reviews/1/findings?a=1&amp;b|Findings and diagnostics>',
    ]);
    expect(text.split('\n')[0]).toBe(head);
  });

  it('DEL-5.g mentions nobody, whatever a finding says', async () => {
    const evil = 'x <!channel> <!here|h> <@U012AB3CD> <#C1> @here @channel, (@all) @dana &lt;!channel&gt;';
    const finding = aFinding({ title: evil, file: evil, message: `${evil}\n@here`, suggestion: evil, category: evil });
    const { mentions, blocks } = await posted({ ...review([finding]), summary: evil, changelist_id: evil });
    expect(mentions).toEqual([]);
    expect(blocks.every(({ text }) => (text as { verbatim?: boolean }).verbatim)).toBe(true);
  });

  it('DEL-5.g never lets a message pass for a line of ours', async () => {
    const { blocks } = await posted(review([aFinding({ message: 'a\n*CRITICAL*\r\nJob', title: 'b\n*c*' })]));
    const lines = blocks.flatMap((block) => block.text!.text.split('\n'));
    expect(lines.filter((line) => /^(\*CRITICAL|\*c|Job)/.test(line))).toEqual([]);
  });

  it('DEL-5.g shows the worst findings that fit in 50 blocks, and says how many do not', async () => {
    const findings = Array.from({ length: 80 }, (_, n) =>
      aFinding({ id: `F-${n}`, severity: n === 79 ? 'critical' : 'low', line: n + 1 }),
    );
    const { blocks } = await posted(review(findings));
    expect(blocks).toHaveLength(50);
    expect(blocks[2]!.text!.text).toContain('[critical: ');
    expect(blocks.at(-2)!.text!.text).toBe('34 findings more, the worst are above.');
  });

  it('DEL-5.g keeps to the limits of blocks and messages, whatever the findings hold', async () => {
    const long = fc.oneof(
      fc.string({ unit: anyCharacter, minLength: 1, maxLength: 200 }),
      fc
        .constantFrom('<', '&', '>', '@here ', '\n', '😀', 'word ')
        .chain((part) => fc.integer({ min: 1, max: 6_000 }).map((times) => part.repeat(times))),
    );
    const finding = fc.record({
      title: long,
      file: long,
      message: long,
      suggestion: long,
      category: long,
      severity: long,
    });
    const reviews = fc.tuple(fc.array(finding, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 40 }));
    await fc.assert(
      fc.asyncProperty(reviews, long, async ([parts, times], summary) => {
        const findings = Array.from({ length: times }, () => parts.map((part) => aFinding(part))).flat();
        const { mentions, raw } = await posted({ ...review(findings), summary });
        expect(mentions).toEqual([]);
        const shown = JSON.parse(raw.toString()) as { blocks: { text: { text: string } }[] };
        expect(shown.blocks.reduce((sum, { text }) => sum + text.text.length, 0)).toBeLessThan(40_000);
      }),
      { numRuns: 60 },
    );
  });
});
