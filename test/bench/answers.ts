import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  definePolicy,
  judgeSubmission,
  prepareChangedFiles,
  publishedSchema,
  readPolicyDocument,
} from '@assay/review-engine';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { jsonrepair } from 'jsonrepair';
import { REPOSITORY } from '../../tools/repository.js';

type Finding = Record<string, unknown>;

/** One answer and its true reading, by hand (`libs/review-engine/fixtures/README.md`). */
interface Answer {
  policy?: object;
  answer: string;
  reading?: Finding[];
  person_keeps: number;
}

/** What a way to read answers keeps of one. */
type Reader = (answer: Answer, changed_files: string[]) => Finding[];

interface Score {
  reader: string;
  kept: number;
  wrong: number;
  lost: number;
}

function assay(differs: object): Reader {
  return ({ policy = {}, answer }, changed_files) => {
    const rules = { policy: definePolicy(readPolicyDocument({ ...policy, ...differs })), allow_list: null };
    const { verdict } = judgeSubmission({ changed_files, review_result: answer }, rules);
    return (verdict.result?.findings ?? []) as unknown as Finding[];
  };
}

const ajv = new Ajv2020({ allErrors: true });
const whole = { '1.0': ajv.compile(publishedSchema('1.0')!), '1.1': ajv.compile(publishedSchema('1.1')!) };

/** By the published schema. A finding of a file that did not change is not kept, for none would know where to show it. */
function bySchema(parse: (text: string) => unknown, each_finding: boolean): Reader {
  return ({ answer }, changed_files) => {
    const document = parsed(parse, answer);
    if (typeof document !== 'object' || document === null) return [];
    const { schema_version, findings } = document as Record<string, unknown>;
    if (schema_version !== '1.0' && schema_version !== '1.1') return [];
    const isValid = (findings: unknown[]) => whole[schema_version]({ ...document, findings });
    if (!Array.isArray(findings) || !isValid(each_finding ? [] : findings)) return [];
    const files = prepareChangedFiles({ changed_files });
    return findings
      .filter((finding) => !each_finding || isValid([finding]))
      .map((finding) => ({ ...(finding as Finding), file: files.match((finding as { file: string }).file) }))
      .filter(({ file }) => file !== null);
  };
}

function parsed(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

const repair = (text: string): unknown => JSON.parse(jsonrepair(text));

const READERS: Record<string, Reader> = {
  'assay, lenient': assay({}),
  'assay, strict': assay({ reading: 'strict' }),
  'JSON.parse, ajv over the document': bySchema(JSON.parse, false),
  'JSON.parse, ajv over each finding': bySchema(JSON.parse, true),
  'jsonrepair, ajv over the document': bySchema(repair, false),
  'jsonrepair, ajv over each finding': bySchema(repair, true),
};

/** Where no reading was written, as many as a person would keep count as right: in favour of what guesses. */
function rightOf(kept: Finding[], { reading, person_keeps }: Answer): number {
  if (reading === undefined) return Math.min(kept.length, person_keeps);
  const open = [...reading];
  return kept.filter((finding) => {
    const at = open.findIndex((wanted) => Object.keys(wanted).every((name) => isSame(finding[name], wanted[name])));
    if (at !== -1) open.splice(at, 1);
    return at !== -1;
  }).length;
}

const isSame = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);

/** `npm run bench -- answers [--json]`: what is read of answers as models write them, and what a repair makes up. */
export function runAnswersBench(args: readonly string[]): Promise<void> {
  const folder = join(REPOSITORY, 'libs/review-engine/fixtures/answers');
  const groups = readdirSync(folder).map((name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Group);
  const scores = Object.entries(READERS).map(([reader, read]): Score => {
    const score = { reader, kept: 0, wrong: 0, lost: 0 };
    for (const { changed_files, answers } of groups) {
      for (const answer of answers) {
        const kept = read(answer, changed_files);
        const right = rightOf(kept, answer);
        score.kept += right;
        score.wrong += kept.length - right;
        score.lost += Math.max(0, answer.person_keeps - right);
      }
    }
    return score;
  });
  const answers = groups.reduce((sum, group) => sum + group.answers.length, 0);
  if (args.includes('--json')) console.log(JSON.stringify({ bench: 'answers', answers, scores }, null, 2));
  else show(answers, scores);
  return Promise.resolve();
}

interface Group {
  changed_files: string[];
  answers: Answer[];
}

function show(answers: number, scores: Score[]): void {
  console.log(`findings of ${answers} answers\n`);
  console.log(`${''.padEnd(36)}kept   wrong  lost`);
  for (const { reader, kept, wrong, lost } of scores) {
    console.log(
      `${reader.padEnd(36)}${[kept, wrong, lost].map((count) => String(count).padEnd(7)).join('')}`.trimEnd(),
    );
  }
}
