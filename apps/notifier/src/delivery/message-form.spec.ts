import { describe, expect, it } from '@jest/globals';
import { NO_RULES } from '@assay/providers-file';
import type { FindingFilter } from '@assay/providers-file';
import type { Classification } from '../providers/provider.js';
import { aFinding, aValidatedReview } from '../rendering/example-input.fixture.js';
import { renderCompactWebhook, renderingInput, renderWebhook } from '../rendering/index.js';
import { Ledger, LedgerProvider } from '../providers/conformance/ledger.provider.fixture.js';
import type { HeldReview } from './held-reviews.js';
import { compactNext, messageForm } from './message-form.js';

const findings = Array.from({ length: 60 }, (_, n) => aFinding({ id: `F-${n}`, message: 'm'.repeat(500) }));
const result = { schema_version: '1.0', prompt_version: '2.1.0', findings };
const input = renderingInput(aValidatedReview({ result }), { job: 'https://a/1', findings: 'https://a/2' });
const whole = renderWebhook(input);
const held = (of: typeof input): Pick<HeldReview, 'input' | 'rendered'> => ({
  input: () => of,
  rendered: (_form, render) => render(),
});
const review = held(input);

class Shortening extends LedgerProvider {
  renderCompact = (of: typeof input, _version: number, max_bytes: number) => renderCompactWebhook(of, max_bytes);
}
const provider = new Shortening(new Ledger());
const upTo = (max_bytes: number | null) => ({ ...NO_RULES, max_bytes });
const fresh = { frozen: null, compact_bytes: null, filter: null };
const of = (payload: typeof whole) => ({ payload, compact_bytes: null, filter: null, withheld: 0 });
const frozen = { job_id: 'j', generation: 0, render_version: 1, payload_hash: whole.hash };

describe('messageForm', () => {
  it('DEL-16.c is the whole form where it fits or no limit is set, and else the compact one', () => {
    expect(messageForm(provider, upTo(null), fresh, review)).toEqual(of(whole));
    expect(messageForm(provider, upTo(whole.bytes), fresh, review).compact_bytes).toBeNull();
    const short = messageForm(provider, upTo(5_000), fresh, review);
    expect([short.compact_bytes, short.payload.bytes <= 5_000]).toEqual([5_000, true]);
    expect(messageForm(provider, upTo(whole.bytes - 1), fresh, review).compact_bytes).toBe(16_384);
  });

  it('stays the form that was frozen, whatever limit is set since', () => {
    expect(messageForm(provider, upTo(5_000), { ...fresh, frozen }, review).payload).toEqual(whole);
    const short = { ...fresh, frozen: { ...frozen, payload_hash: 'x' }, compact_bytes: 6_000 };
    expect(messageForm(provider, upTo(3_000), short, review).payload.hash).toBe(
      renderCompactWebhook(input, 6_000).hash,
    );
  });
});

describe('messageForm of a recipient with thresholds', () => {
  const filter: FindingFilter = { min_severity: 'critical', min_confidence: null, categories: null };
  const mixed = renderingInput(
    aValidatedReview({
      result: { ...result, findings: [aFinding(), aFinding({ id: 'F-2', severity: 'critical' })] },
    }),
    { job: 'https://a/1', findings: 'https://a/2' },
  );

  it('DEL-16.b is made of what passes, and freezes what was asked for and how many that left out', () => {
    const form = messageForm(provider, { ...NO_RULES, filter }, fresh, held(mixed));
    expect([form.filter, form.withheld]).toEqual([filter, 1]);
    const frozen_row = { ...fresh, filter, frozen: { ...frozen, payload_hash: form.payload.hash } };
    // The file asks for something else by now: the bytes under a key never change (DEL-3).
    for (const rules of [NO_RULES, { ...NO_RULES, filter: { ...filter, min_severity: 'low' as const } }]) {
      expect(messageForm(provider, rules, frozen_row, held(mixed))).toEqual(form);
    }
    const everything = messageForm(provider, NO_RULES, fresh, held(mixed));
    const frozen_whole = { ...fresh, frozen: { ...frozen, payload_hash: everything.payload.hash } };
    expect(messageForm(provider, { ...NO_RULES, filter }, frozen_whole, held(mixed))).toEqual(everything);
  });
});

describe('compactNext', () => {
  const said = { too_large: true } as Classification;
  const sure = { compact_bytes: null, doubt_age_ms: null };

  it('is the compact form after a refusal for size, once, and only where nothing is in doubt', () => {
    expect(compactNext(provider, 5_000, sure, said)).toBe(5_000);
    expect(compactNext(provider, 100_000, sure, said)).toBe(16_384);
    expect(compactNext(provider, 5_000, sure, {} as Classification)).toBeNull();
    expect(compactNext(provider, 5_000, { ...sure, compact_bytes: 5_000 }, said)).toBeNull();
    expect(compactNext(provider, 5_000, { ...sure, doubt_age_ms: 1 }, said)).toBeNull();
  });

  it('DEL-7.i is none where the destination allows none, or the provider has none', () => {
    expect(compactNext(provider, null, sure, said)).toBeNull();
    expect(compactNext(new LedgerProvider(new Ledger()), 5_000, sure, said)).toBeNull();
  });
});
