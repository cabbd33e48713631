// Writes what ran to .local/test-results.json, or another file there if it is given one, from which the conformance page and the last line of .ci/run are made,
// and fails a run in which a test was skipped: a test that can skip itself will one day prove nothing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export default class ResultsReporter {
  #config;
  #results;
  #unrun = [];

  constructor(globalConfig, { results = 'test-results.json' } = {}) {
    this.#config = globalConfig;
    this.#results = results;
  }

  /** A run of some projects, files or titles says nothing about the rest: it leaves the last whole run's results alone. */
  #isWhole(contexts) {
    const { onlyChanged, projects, testNamePattern, testPathPatterns } = this.#config;
    const patterns = testPathPatterns?.patterns ?? [];
    return !onlyChanged && !testNamePattern && patterns.length === 0 && contexts.size === projects.length;
  }

  onRunComplete(contexts, results) {
    const root = this.#config.rootDir;
    const entries = results.testResults.flatMap((file) => {
      const about = { project: file.displayName?.name ?? '', file: relative(root, file.testFilePath) };
      const tests = file.testResults.map(({ duration, status, title }) => ({
        ...{ ...about, title, status },
        duration_ms: duration ?? null,
      }));
      // A file that did not load, or left something open, has failed though no test of it did.
      const itself = file.testExecError && !tests.some(({ status }) => status === 'failed');
      return itself ? [...tests, { ...about, title: 'the file itself', status: 'failed', duration_ms: null }] : tests;
    });
    this.#unrun = entries.filter((entry) => entry.status !== 'passed' && entry.status !== 'failed');
    if (!this.#isWhole(contexts)) return;
    mkdirSync(join(root, '.local'), { recursive: true });
    writeFileSync(join(root, '.local', this.#results), `${JSON.stringify(entries, null, 2)}\n`);
  }

  getLastError() {
    // A title pattern skips the others on purpose.
    if (this.#config.testNamePattern || this.#unrun.length === 0) return undefined;
    const list = this.#unrun.map((entry) => `  ${entry.status}: ${entry.file}: ${entry.title}`).join('\n');
    return new Error(`every test has to run; these did not:\n${list}`);
  }
}
