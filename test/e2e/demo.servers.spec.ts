import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { eventually, testRun } from '@assay/testing';

const LIMIT_MS = 180_000;
const root = join(import.meta.dirname, '..', '..');

interface Run {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

/** The demo as `npm run demo` starts it once dependencies and build are there. */
function startDemo(): Run {
  const script = join(testRun().build, 'infra', 'local', 'demo.js');
  const code = `(await import(${JSON.stringify(script)})).main([])`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, env: demoEnvironment() });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => Buffer.concat(chunks).toString(), ended };
}

/** Jest's own options would reach the services. */
function demoEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

function expectNothingLeft({ child }: Run): void {
  expect(existsSync(join(root, '.local', `demo-${child.pid}`))).toBe(false);
}

describe('npm run demo', () => {
  it(
    'ING-3.a ING-3.b ING-8.b DEL-5.e VAL-15.b VAL-15.g shows the main job from submission to dead letter and replay, and stops',
    async () => {
      const run = startDemo();
      expect([await run.ended, run.output()]).toEqual([0, expect.stringContaining('everything stopped')]);
      const output = run.output();
      for (const told of [
        'Idempotency-Replayed: true, the same job',
        'idempotency_key_reused',
        '20 of 25 findings kept, 8 of them coerced; 5 dropped',
        'a mail server, SMTP',
        'a mail service that remembers keys',
        'a mail service that can be asked',
        'Slack-compatible hook reviews: 23 blocks',
        '✓ the signature verifies with an independent Standard Webhooks library',
        'plain kafkajs on assay.review.settled.v1',
        '1 of 1 findings kept, lenient reading; what was mended:',
        'severity "HIGH" → "high"',
        'category "bug" → "correctness"',
        'By reason: alias_mapped 1, code_fence_removed 1, letter_case_folded 1, line_defaulted 2, null_removed 2, number_converted_to_string 1, optional_field_removed 1.',
        'and the webhook: 1 finding, severity high, reading lenient',
        'RECIPIENT_INVALID',
        'INVALID_JSON',
        'evidence_required',
        'verified: the item is resolved, the dead letter resolved, the job succeeded in generation 1',
        'the endpoint has taken 1 webhook',
        'not delivered again: 1 mail',
        '60 jobs succeeded, 60 webhooks under 60 ids',
        '5 jobs succeeded, each attempt at its own time, and the dead letter is resolved',
        '4 submitted, 11 messages delivered, 10 findings dropped, 1 replayed, 1 dead letter open',
      ])
        expect(output).toContain(told);
      expect(output).toMatch(/reading lenient +accepted/);
      expect(output).toMatch(/reading strict +rejected +INVALID_JSON, code_fence/);
      // Output that is no terminal's is plain.
      expect(output).not.toContain('\u001b');
      expectNothingLeft(run);
    },
    LIMIT_MS,
  );

  it(
    'leaves nothing behind when it is interrupted in the middle',
    async () => {
      const run = startDemo();
      await eventually(() => expect(run.output()).toContain('It is judged'), { within_ms: 120_000 });
      run.child.kill('SIGINT');
      expect([await run.ended, run.output()]).toEqual([
        130,
        expect.stringContaining('interrupted: everything stopped'),
      ]);
      expectNothingLeft(run);
    },
    LIMIT_MS,
  );
});
