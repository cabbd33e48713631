import { describe, expect, it } from '@jest/globals';
import { contractOf, REGISTERED_VERSIONS } from '../contract/registry.js';
import { DEFAULT_POLICY } from '../policy.js';
import { isCleanFinding } from './clean-finding.js';
import { aFinding } from './samples.js';

const contract = contractOf(REGISTERED_VERSIONS[1]!);
const limits = { ...DEFAULT_POLICY.limits, max_message_bytes: 40, max_string_bytes: 20 };
const isClean = (differences: Record<string, unknown>) => isCleanFinding(aFinding(differences), contract, limits);

/** Whether the quick walk says what the thorough one says: a yes too many is a fault, a no too many costs time. */
describe('isCleanFinding', () => {
  it.each<[Record<string, unknown>]>([
    [{}],
    [{ line: 1 }],
    [{ line: Number.MAX_SAFE_INTEGER }],
    [{ end_line: 10 }],
    [{ end_line: 11, suggestion: '', confidence: 'low', rule_id: '' }],
    [{ column: 1, end_column: 2, cwe: 'CWE-79', fingerprint: 'x'.repeat(8) }],
    [{ message: 'm'.repeat(40), title: 't'.repeat(20) }],
    [{ fingerprint: 'x'.repeat(20) }],
  ])('VAL-12.b takes %j for clean', (differences) => {
    expect(isClean(differences)).toBe(true);
  });

  it('VAL-12.b takes a finding for clean whatever the order of its members', () => {
    const reversed = Object.fromEntries(Object.entries(aFinding({ end_line: 10 })).reverse());
    expect(isCleanFinding(reversed, contract, limits)).toBe(true);
  });

  it.each<[Record<string, unknown>]>([
    [{ other: 1 }],
    [{ line: 0 }],
    [{ line: 1.5 }],
    [{ line: '10' }],
    [{ line: Number.MAX_SAFE_INTEGER + 1 }],
    [{ end_line: 9 }],
    [{ severity: 'blocker' }],
    [{ severity: 1 }],
    [{ title: 7 }],
    [{ title: '' }],
    [{ title: ' x' }],
    [{ title: 't'.repeat(21) }],
    [{ message: 'm'.repeat(41) }],
    [{ cwe: '' }],
    [{ cwe: 'CWE-x' }],
    [{ fingerprint: 'x'.repeat(7) }],
    [{ suggestion: null }],
    [{ message: undefined }],
  ])('VAL-4.a does not take %j for clean', (differences) => {
    expect(isClean(differences)).toBe(false);
  });

  it.each(['id', 'severity', 'category', 'title', 'file', 'line', 'message'])('VAL-4.a misses %s', (field) => {
    const { [field]: _, ...finding } = aFinding();
    expect(isCleanFinding(finding, contract, limits)).toBe(false);
  });
});
