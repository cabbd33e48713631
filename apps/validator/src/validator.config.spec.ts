import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { prepareChangedFiles, validateReview } from '@assay/review-engine';
import { defineSettings, readSettings } from '@assay/service';
import { cpuMs, leastGrowth } from '@assay/testing';
import { policyOf, POLICY_SETTINGS } from './validator.config.js';

const directory = mkdtempSync(join(tmpdir(), 'assay-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const settings = defineSettings(POLICY_SETTINGS);
const policyFrom = (env: Record<string, string>) => policyOf(readSettings(settings, env));

function fileOf(text: string): string {
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, text);
  return path;
}

describe('the policy of the settings', () => {
  it('VAL-10.f takes each limit from a setting, with the documented default', () => {
    expect(policyFrom({}).limits).toEqual({
      max_result_bytes: 2 * 1024 * 1024,
      max_findings: 5_000,
      max_depth: 64,
      max_message_bytes: 8 * 1024,
      max_summary_bytes: 16 * 1024,
      max_string_bytes: 1024,
      max_diagnostics: 1_000,
    });
    const env = {
      ASSAY_REVIEW_RESULT_LIMIT_BYTES: '2048',
      ASSAY_MAX_FINDINGS: '7',
      ASSAY_MAX_DEPTH: '9',
      ASSAY_MAX_MESSAGE_BYTES: '11',
      ASSAY_MAX_SUMMARY_BYTES: '12',
      ASSAY_MAX_STRING_BYTES: '13',
    };
    expect(policyFrom({ ...env, ASSAY_MAX_DIAGNOSTICS: '17' }).limits).toEqual({
      max_result_bytes: 2_048,
      max_findings: 7,
      max_depth: 9,
      max_message_bytes: 11,
      max_summary_bytes: 12,
      max_string_bytes: 13,
      max_diagnostics: 17,
    });
  });

  it('VER-4.a VER-4.b takes prompt versions and their drift from settings', () => {
    const policy = policyFrom({ ASSAY_PROMPT_VERSIONS: '1.0.0, 2.1', ASSAY_PROMPT_PATCH_DRIFT: 'true' });
    expect(policy.prompts).toEqual([
      [1, 0, 0],
      [2, 1, 0],
    ]);
    expect(policy.settings.prompt_patch_drift).toBe(true);
  });

  it('VER-6.a takes the standing of the contract versions from a file, and refuses a bad one at start', () => {
    const good = fileOf('{"1.0": {"status": "sunset", "date": "2027-01-01"}}');
    expect(policyFrom({ ASSAY_SCHEMA_VERSIONS_FILE: good }).offered.map(({ version }) => version)).toEqual(['1.0']);
    for (const bad of ['{', '{"9.0": {"status": "current"}}', '{"1.0": {"status": "preview"}}', '{}']) {
      expect(() => policyFrom({ ASSAY_SCHEMA_VERSIONS_FILE: fileOf(bad) })).toThrow('ASSAY_SCHEMA_VERSIONS_FILE');
    }
    expect(() => policyFrom({ ASSAY_PROMPT_VERSIONS: '1.0,one' })).toThrow(/ASSAY_PROMPT_VERSIONS.*"one"/);
  });

  it('VAL-15.c takes the reading, for all and by source, from the policy file, and refuses a bad one at start', () => {
    expect(policyFrom({}).readingOf('acme')).toMatchObject({ name: 'lenient', truncated: 'reject' });
    const good = fileOf('{"truncated": "keep_complete", "sources": {"acme": {"reading": "strict"}}}');
    const policy = policyFrom({ ASSAY_REVIEW_POLICY_FILE: good });
    expect(policy.readingOf('acme').name).toBe('strict');
    expect(policy.readingOf('other')).toMatchObject({ name: 'lenient', truncated: 'keep_complete' });
    const faults = ['{', '[]', '{"reading": "loose"}', '{"sources": {"a": {"limits": {}}}}', '{"max_findings": 5}'];
    for (const bad of [...faults, '{"prompt_versions": ["2.0"]}', '{"aliases": {"severity": ["x"]}}']) {
      expect(() => policyFrom({ ASSAY_REVIEW_POLICY_FILE: fileOf(bad) })).toThrow('ASSAY_REVIEW_POLICY_FILE');
    }
  });

  it('VAL-12.h reads what is no JSON in linear time with the real redactor too', async () => {
    const policy = policyFrom({});
    const files = prepareChangedFiles({ changed_files: ['a.c'] });
    const raw = (bytes: number) => {
      const broken = 'password=\n"a,\\d '.repeat(bytes / 16);
      return `{"schema_version":"1.0","prompt_version":"1.0","findings":["${broken.replaceAll('"', '\\"')}"],}`;
    };
    const cost = (text: string) =>
      cpuMs(() => expect(validateReview({ raw: text }, files, policy).counts.by_code.trailing_comma_removed).toBe(1));
    const [short, long] = [raw(100_000), raw(1_600_000)];
    expect(await leastGrowth(64, cost, short, long)).toBeLessThan(64);
  });

  it('SEC-4.g VAL-3.d lets diagnostics pass the redactor', () => {
    expect(policyFrom({}).redact('password=hunter2hunter2')).not.toContain('hunter2');
  });
});
