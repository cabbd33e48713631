import { beforeAll, describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import { join, resolve } from 'node:path';
import tseslint from 'typescript-eslint';
import { WALLS } from './lint-walls.js';

const root = resolve(import.meta.dirname, '..');

/** The repository's own configuration, less what needs types: the files linted here do not exist. */
const eslint = new ESLint({
  cwd: root,
  overrideConfig: [
    tseslint.configs.disableTypeChecked,
    { languageOptions: { parserOptions: { projectService: false } } },
  ] as never,
});

/** The first text loads the configuration and its parser, which takes seconds on a busy machine. */
beforeAll(() => brokenRules('apps/ingest/src/x.ts', 'void 0;'), 60_000);

async function brokenRules(path: string, text: string): Promise<(string | null)[]> {
  const results = await eslint.lintText(`${text}\n`, { filePath: join(root, path) });
  return results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));
}

type Case = [path: string, text: string];

const bites: Record<keyof typeof WALLS, Case[]> = {
  'imports-point-down': [
    ['libs/postgres/src/x.ts', "import '@assay/work-queue';"],
    ['libs/work-queue/src/x.ts', "import '@assay/messaging';"],
    ['libs/security/src/x.ts', "export * from '@assay/observability';"],
    ['libs/service/src/x.ts', "export { Database } from '@assay/postgres';"],
    ['libs/service/src/x.ts', "import type { Database } from '@assay/postgres';\nexport type X = Database;"],
    ['libs/service/src/x.ts', "export type X = import('@assay/postgres').Database;"],
    ['libs/service/src/x.ts', "export const x = import('@assay/postgres');"],
    ['libs/messaging/src/x.ts', "import '../../../apps/ingest/src/ingest.module.js';"],
    ['apps/ingest/src/x.ts', "import '../../../infra/local/ports.js';"],
    ['libs/service/src/x.ts', "import '../../../tools/conformance.js';"],
    ['libs/submission/src/x.ts', "import '@assay/service';"],
    ['libs/providers-file/src/x.ts', "import '@assay/service';"],
    ['libs/providers-file/src/x.ts', "import '../../../apps/notifier/src/providers/index.js';"],
  ],
  'apps-stay-apart': [
    ['apps/ingest/src/x.ts', "import '../../validator/src/validator.module.js';"],
    ['apps/ingest/src/reviews/x.spec.ts', "import '../../../validator/src/validator.module.js';"],
  ],
  'testing-only-from-tests': [
    ['apps/ingest/src/x.ts', "import '@assay/testing';"],
    ['libs/postgres/src/x.ts', "import '@assay/testing';"],
    ['infra/local/x.ts', "import '@assay/testing';"],
  ],
  'contracts-and-engine-stand-alone': [
    ['libs/audit-log/src/x.ts', "import '@assay/contracts';"],
    ['libs/contracts/src/x.ts', "import '@assay/security';"],
    ['libs/contracts/src/x.ts', "import '@assay/review-engine';"],
    ['libs/review-engine/src/x.ts', "import '@assay/contracts';"],
    ['libs/review-engine/src/x.ts', "import '@nestjs/common';"],
    ['libs/review-engine/src/x.spec.ts', "import '@assay/contracts';"],
  ],
  'in-through-index': [
    ['apps/ingest/src/x.ts', "import '@assay/postgres/src/database.js';"],
    ['apps/ingest/src/x.ts', "import '../../../libs/postgres/src/index.js';"],
    ['apps/ingest/src/x.spec.ts', "import '../../../libs/postgres/src/database.js';"],
    ['libs/messaging/src/x.ts', "import '../../work-queue/src/item.js';"],
    ['infra/local/x.ts', "import '../../libs/contracts/src/topics.js';"],
  ],
  'kafka-behind-its-port': [
    ['apps/ingest/src/x.ts', "import 'kafkajs';"],
    ['libs/work-queue/src/x.ts', "import 'kafkajs';"],
  ],
};

const passes: Case[] = [
  ['apps/ingest/src/x.ts', "import '@assay/messaging';\nimport '@assay/contracts';\nimport '@assay/review-engine';"],
  ['apps/ingest/src/reviews/x.ts', "import '../progress/job-state.js';"],
  ['libs/messaging/src/x.ts', "import '@assay/work-queue';\nimport 'kafkajs';"],
  ['libs/security/src/x.ts', "import '@assay/contracts';"],
  ['libs/providers-file/src/x.ts', "import '@assay/provider';\nimport '@assay/security';"],
  ['libs/submission/src/x.ts', "import '@assay/contracts';\nimport '@assay/review-engine';"],
  ['libs/postgres/src/x.int.spec.ts', "import '@assay/testing';\nimport './database.js';"],
  ['libs/contracts/src/x.spec.ts', "import '@assay/testing';"],
  ['libs/testing/src/x.ts', "import '../../../infra/local/ports.js';"],
  ['test/e2e/x.e2e.spec.ts', "import '@assay/testing';\nimport 'kafkajs';"],
];

describe('the walls between the parts', () => {
  for (const [wall, cases] of Object.entries(bites)) {
    it.each(cases)(`${wall} refuses, in %s, %s`, async (path, text) => {
      expect(await brokenRules(path, text)).toContain(`walls/${wall}`);
    });
  }

  it.each(passes)('lets %s write %s', async (path, text) => {
    expect(await brokenRules(path, text)).toEqual([]);
  });

  it('has a biting case for every wall', () => {
    expect(Object.keys(bites).sort()).toEqual(Object.keys(WALLS).sort());
  });

  it('gives the reason as the message', async () => {
    const [result] = await eslint.lintText("import '../../validator/src/main.js';\n", {
      filePath: join(root, 'apps/ingest/src/x.ts'),
    });
    expect(result?.messages[0]?.message).toBe(WALLS['apps-stay-apart'].reason);
  });
});

const statements = (count: number) => Array.from({ length: count }, (_, n) => `  void ${n};`).join('\n');

describe('the written rules that lint enforces', () => {
  const refused: [rule: string, path: string, text: string][] = [
    ['max-lines', 'apps/ingest/src/x.ts', statements(301)],
    ['max-lines-per-function', 'apps/ingest/src/x.ts', `export function x() {\n${statements(40)}\n}`],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', "it.skip('x', () => undefined);"],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', "describe.only('x', () => undefined);"],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', "it.skip.each([1])('x', () => undefined);"],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', "xit('x', () => undefined);"],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', 'await setTimeout(100);'],
    ['no-restricted-syntax', 'apps/ingest/src/x.spec.ts', 'await new Promise((done) => setTimeout(done, 100));'],
    ['@typescript-eslint/no-explicit-any', 'apps/ingest/src/x.ts', 'export const x = (y: any) => y;'],
  ];

  it.each(refused)('%s refuses, in %s, what breaks it (case %#)', async (rule, path, text) => {
    expect(await brokenRules(path, text)).toContain(rule);
  });

  it.each(['Date.now()', 'new Date()'])('GEN-4.c refuses %s where no reason stands beside it', async (clock) => {
    expect(await brokenRules('apps/ingest/src/x.ts', `export const now = ${clock};`)).toEqual(['no-restricted-syntax']);
    const reasoned = `// eslint-disable-next-line no-restricted-syntax\nexport const now = ${clock};`;
    expect(await brokenRules('apps/ingest/src/x.ts', reasoned)).toEqual([]);
  });

  it.each([
    "error.message === 'gone'",
    "error.message.includes('gone')",
    "(error as Error).message?.startsWith('gone')",
    '/gone/.test(error.message)',
    '/gone/.exec(message)',
    "message.indexOf('gone') >= 0",
  ])('GEN-7.b refuses a decision by the text of a message: %s', async (decision) => {
    const text = `export const x = (error: Error, message: string) => [${decision}, message, error];`;
    expect(await brokenRules('libs/postgres/src/x.ts', text)).toEqual(['no-restricted-syntax']);
  });

  it('GEN-7.b refuses to choose by the text of a message', async () => {
    const text =
      "export function x(error: Error) {\n  switch (error.message) {\n    case 'gone':\n      return 1;\n  }\n  return 2;\n}";
    expect(await brokenRules('libs/postgres/src/x.ts', text)).toContain('no-restricted-syntax');
  });

  it('GEN-4.c, GEN-7.b holds for all that is deployed', async () => {
    const ours = new ESLint({
      cwd: root,
      overrideConfig: [
        tseslint.configs.disableTypeChecked,
        { languageOptions: { parserOptions: { projectService: false } } },
      ] as never,
      ruleFilter: ({ ruleId }) => ruleId === 'no-restricted-syntax',
      ignorePatterns: ['**/*.spec.ts', '**/*.fixture.ts'],
    });
    const results = await ours.lintFiles(['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts']);
    expect(results.length).toBeGreaterThan(200);
    const broken = results.flatMap(({ filePath, messages }) =>
      messages.filter(({ ruleId }) => ruleId === 'no-restricted-syntax').map(({ line }) => `${filePath}:${line}`),
    );
    expect(broken).toEqual([]);
  }, 120_000);

  it('no-floating-promises refuses a promise that nobody waits for', async () => {
    const typed = new ESLint({ cwd: root });
    const [result] = await typed.lintText('void 0;\nPromise.resolve(1);\n', {
      filePath: join(root, 'libs/contracts/src/index.ts'),
    });
    expect(result?.messages.map(({ ruleId }) => ruleId)).toEqual(['@typescript-eslint/no-floating-promises']);
  }, 60_000);
});
