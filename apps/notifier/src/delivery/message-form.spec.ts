import { describe, expect, it } from '@jest/globals';
import type { Classification, Destination } from '../providers/provider.js';
import { aFinding, aValidatedReview } from '../rendering/example-input.fixture.js';
import { renderCompactWebhook, renderingInput, renderWebhook } from '../rendering/index.js';
import { Ledger, LedgerProvider } from '../providers/conformance/ledger.provider.fixture.js';
import { compactNext, messageForm } from './message-form.js';

const findings = Array.from({ length: 60 }, (_, n) => aFinding({ id: `F-${n}`, message: 'm'.repeat(500) }));
const result = { schema_version: '1.0', prompt_version: '2.1.0', findings };
const input = renderingInput(aValidatedReview({ result }), { job: 'https://a/1', findings: 'https://a/2' });
const whole = renderWebhook(input);

class Shortening extends LedgerProvider {
  renderCompact = (review: typeof input, _version: number, max_bytes: number) =>
    renderCompactWebhook(review, max_bytes);
}
const provider = new Shortening(new Ledger());
const destination = (max_bytes: number | null): Destination => ({ ...provider.destinationOf(), max_bytes });
const fresh = { frozen: null, compact_bytes: null };
const frozen = { job_id: 'j', generation: 0, render_version: 1, payload_hash: whole.hash };

describe('messageForm', () => {
  it('DEL-16.c is the whole form where it fits or no limit is set, and else the compact one', () => {
    expect(messageForm(provider, destination(null), fresh, input)).toEqual({ payload: whole, compact_bytes: null });
    expect(messageForm(provider, destination(whole.bytes), fresh, input).compact_bytes).toBeNull();
    const short = messageForm(provider, destination(5_000), fresh, input);
    expect([short.compact_bytes, short.payload.bytes <= 5_000]).toEqual([5_000, true]);
    expect(messageForm(provider, destination(whole.bytes - 1), fresh, input).compact_bytes).toBe(16_384);
  });

  it('stays the form that was frozen, whatever limit is set since', () => {
    expect(messageForm(provider, destination(5_000), { ...fresh, frozen }, input).payload).toEqual(whole);
    const short = { frozen: { ...frozen, payload_hash: 'x' }, compact_bytes: 6_000 };
    expect(messageForm(provider, destination(3_000), short, input).payload.hash).toBe(
      renderCompactWebhook(input, 6_000).hash,
    );
  });
});

describe('compactNext', () => {
  const said = { too_large: true } as Classification;
  const sure = { compact_bytes: null, doubt_age_ms: null };

  it('is the compact form after a refusal for size, once, and only where nothing is in doubt', () => {
    expect(compactNext(provider, destination(5_000), sure, said)).toBe(5_000);
    expect(compactNext(provider, destination(100_000), sure, said)).toBe(16_384);
    expect(compactNext(provider, destination(5_000), sure, {} as Classification)).toBeNull();
    expect(compactNext(provider, destination(5_000), { ...sure, compact_bytes: 5_000 }, said)).toBeNull();
    expect(compactNext(provider, destination(5_000), { ...sure, doubt_age_ms: 1 }, said)).toBeNull();
  });

  it('DEL-7.i is none where the destination allows none, or the provider has none', () => {
    expect(compactNext(provider, destination(null), sure, said)).toBeNull();
    expect(compactNext(new LedgerProvider(new Ledger()), destination(5_000), sure, said)).toBeNull();
  });
});
