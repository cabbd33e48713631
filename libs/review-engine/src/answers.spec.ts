import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { definePolicy, judgeSubmission, readPolicyDocument } from './index.js';
import type { KeptFinding, Verdict } from './index.js';

/** One answer; the format stands in fixtures/README.md. */
interface Answer {
  name: string;
  policy?: object;
  answer: string;
  rejected?: string;
  reading?: Partial<KeptFinding>[];
  codes?: Record<string, number>;
  person_keeps: number;
}

interface Group {
  title: string;
  changed_files: string[];
  answers: Answer[];
}

const folder = new URL('../fixtures/answers/', import.meta.url);
const groups = readdirSync(folder).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Group);

const judged = ({ policy = {}, answer }: Answer, changed_files: string[]): Verdict =>
  judgeSubmission(
    { changed_files, review_result: answer },
    { policy: definePolicy(readPolicyDocument(policy)), allow_list: null },
  ).verdict;

const score = { answers: 0, wrong_repairs: 0, kept: 0, lost: 0 };

describe.each(groups)('$title', ({ changed_files, answers }) => {
  it.each(answers)('VAL-18.l is read as a person would, or rejected with its cause: $name', (one) => {
    const verdict = judged(one, changed_files);
    const kept = verdict.result?.findings ?? [];
    const wrong = kept.filter((finding, index) => !isReading(finding, one.reading?.[index])).length;
    score.answers++;
    score.wrong_repairs += wrong;
    score.kept += kept.length;
    score.lost += Math.max(0, one.person_keeps - kept.length);
    expect(wrong).toBe(0);
    if (one.rejected !== undefined) {
      expect(verdict.outcome).toBe('rejected');
      expect(verdict.explanation?.sub_reason).toBe(one.rejected);
    } else {
      expect(verdict.outcome).toBe('accepted');
      expect(kept).toHaveLength(one.reading!.length);
      expect(verdict.counts.by_code).toEqual(one.codes);
    }
  });
});

function isReading(finding: KeptFinding, reading: Partial<KeptFinding> | undefined): boolean {
  return reading !== undefined && Object.entries(reading).every(([name, value]) => finding[name] === value);
}

// No claim: of a run of some of the tests alone, as for each mutant, it would be false.
afterAll(() => {
  const { answers, wrong_repairs, kept, lost } = score;
  const line = `${answers} answers: ${wrong_repairs} wrong repairs, ${kept} findings kept, ${lost} lost that a person would have kept`;
  process.stdout.write(`${line}\n`);
});
