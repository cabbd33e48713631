import type { FindingCounts } from '@assay/contracts';
import { bold, clip, cyan, green, heading, note, red, say, table } from '../terminal.js';
import { type Diagnostic, expectStatus, type Finding, type Job } from './client.js';
import { follow } from './following.js';
import { printDiagnostics } from './judging.js';
import type { Scene } from './scene.js';
import { readExample, type Submission } from './submitting.js';

const CHANGELIST = 4714;
const LINE_WIDTH = 92;

interface FindingsPage {
  counts: FindingCounts;
  reading: string;
  diagnostics: Diagnostic[];
}

interface Verdict {
  outcome: string;
  reading: string;
  rejection: { class: string } | null;
  explanation: { sub_reason: string } | null;
}

/** As models answer that were told to print JSON: fenced, `null` for what they do not know, words in capitals. */
function answerOf({ changed_files }: Submission): string {
  const finding = {
    ...{ id: 1, severity: 'HIGH', category: 'bug', title: 'The last attempt is never made', file: changed_files[0] },
    ...{ line: null, end_line: null, message: 'The loop ends one attempt early.', suggestion: null, confidence: 0.87 },
  };
  const result = { schema_version: '1.0', prompt_version: '1.0.0', findings: [finding], summary: null };
  return `\`\`\`json\n${JSON.stringify(result, null, 2)}\n\`\`\``;
}

async function showDelivery(scene: Scene, job_id: string): Promise<void> {
  const mail = (await scene.mails()).find(({ text }) => text.includes(job_id));
  const webhook = (await scene.webhooks()).find(({ body }) => body.includes(job_id));
  if (mail === undefined || webhook === undefined) throw new Error('the mended answer was not delivered');
  const { data } = JSON.parse(webhook.body) as { data: { findings: Finding[]; reading: string } };
  const told = mail.text.split('\n').filter((line) => /^By reason|^Review of|The last attempt/.test(line.trim()));
  // Whole: this is where people read what was mended.
  for (const line of told) say(`  ${cyan('│')} ${line}`);
  const severities = data.findings.map(({ severity }) => severity).join(', ');
  say(`  and the webhook: ${data.findings.length} finding, severity ${bold(severities)}, reading ${data.reading}`);
}

/** The same answer without being stored, under each reading: what an author of prompts tries before anything is sent. */
async function tryReadings(scene: Scene, submission: Submission): Promise<void> {
  const rows: string[][] = [];
  for (const reading of ['lenient', 'strict']) {
    const body = { ...submission, policy: { reading } };
    const answer = await scene.findings.post<Verdict>('/v1/validations', body);
    const { outcome, rejection, explanation } = expectStatus(answer, 200, 'a dry run');
    const why = [rejection?.class, explanation?.sub_reason].filter((word) => word !== undefined).join(', ');
    rows.push([`reading ${reading}`, outcome === 'accepted' ? green(outcome) : red(outcome), why]);
  }
  table([['POST /v1/validations', 'outcome', 'why'], ...rows]);
}

/** Act 5: an answer in a model's habits is read as a person would, delivered, and each act on it told. */
export async function mending(scene: Scene): Promise<void> {
  heading('5  A model has its habits');
  const example = await readExample();
  const submission = { ...example, changelist_id: CHANGELIST, review_result: answerOf(example) };
  for (const line of submission.review_result.split('\n')) say(`  ${cyan('│')} ${clip(line, LINE_WIDTH)}`);
  say();
  const key = { 'idempotency-key': `demo-${CHANGELIST}-1` };
  const posted = await scene.submitter.post<Job>('/v1/reviews', submission, key);
  const { job_id } = await follow(scene, expectStatus(posted, 202, 'the submission').job_id);
  const path = `/v1/reviews/${job_id}/findings`;
  const { counts, diagnostics, reading } = expectStatus(await scene.findings.get<FindingsPage>(path), 200, path);
  say();
  say(`  ${bold(counts.kept)} of ${counts.submitted} findings kept, ${reading} reading; what was mended:`);
  say();
  printDiagnostics(diagnostics);
  say();
  await showDelivery(scene, job_id);
  say();
  await tryReadings(scene, submission);
  note('docs/writing-reviews.md tells what is forgiven, and what is not');
}
