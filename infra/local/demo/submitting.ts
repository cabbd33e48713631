import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProblemDetails } from '@assay/contracts';
import { repositoryRoot } from '../repository.js';
import { domainOf } from '../stack-configuration.js';
import { bold, dim, green, heading, note, say, table, yellow } from '../terminal.js';
import { expectStatus, type Job } from './client.js';
import type { Scene } from './scene.js';

export interface Submission {
  changelist_id: number | string;
  review_version: number;
  root: string;
  changed_files: string[];
  recipients: { channel: string; address: string }[];
  review_result: string;
}

/** Beside those of the example, who are told by mail and webhook: two by mail services, and a chat. */
const MORE_RECIPIENTS: Submission['recipients'] = [
  { channel: 'email', address: `erin@${domainOf('resend')}` },
  { channel: 'email', address: `frank@${domainOf('postmark')}` },
  { channel: 'slack', address: 'reviews' },
];

/** The example's submission, the reviewer's output as the text that it is. */
export async function readExample(): Promise<Submission> {
  const directory = join(repositoryRoot(), 'examples', 'payments-retry');
  const [submission, review_result] = await Promise.all(
    ['submission.json', 'review-result.json'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  return { ...(JSON.parse(submission ?? '') as Submission), review_result: review_result ?? '' };
}

/** Act 1: one submission, the same again, and another one under its key. Returns the job's id. */
export async function submitting(scene: Scene): Promise<string> {
  heading("1  A reviewer's output is submitted");
  const example = await readExample();
  const submission = { ...example, recipients: [...example.recipients, ...MORE_RECIPIENTS] };
  const findings = (JSON.parse(submission.review_result) as { findings: unknown[] }).findings.length;
  const { changed_files, changelist_id, recipients, review_version, root } = submission;
  say(
    `  changelist ${bold(changelist_id)}, review version ${review_version}: ${changed_files.length} files under ${root}`,
  );
  say(`  ${findings} findings, for ${recipients.map((each) => each.address).join(', ')}`);
  note('examples/payments-retry tells what is wrong with some of them');
  say();

  const key = { 'idempotency-key': `demo-${changelist_id}-1` };
  const first = await scene.submitter.post<Job>('/v1/reviews', submission, key);
  const job = expectStatus(first, 202, 'the submission');
  const again = await scene.submitter.post<Job>('/v1/reviews', submission, key);
  const same = expectStatus(again, 200, 'the same submission');
  const other = { ...submission, recipients: recipients.slice(0, 1) };
  const refused = await scene.submitter.post<ProblemDetails>('/v1/reviews', other, key);
  const problem = expectStatus(refused, 409, 'another body under the same key');
  const replayed = again.headers.get('idempotency-replayed');
  table([
    ['POST /v1/reviews', 'status', ''],
    ['with an idempotency key', green(first.status), `job ${job.job_id}, ${job.state}`],
    [
      'the same again',
      green(again.status),
      `Idempotency-Replayed: ${replayed}, ${same.job_id === job.job_id ? 'the same job' : 'ANOTHER JOB'}`,
    ],
    [
      'another body, the same key',
      yellow(refused.status),
      `${problem.code} ${dim(`names job ${String(problem['job_id'])}`)}`,
    ],
  ]);
  return job.job_id;
}
