import { describe, expect, it } from '@jest/globals';
import { Problem } from '@assay/contracts';
import { maskedAddress } from '@assay/security';
import { validateShape } from '@assay/service';
import { EvidenceRequest } from './evidence-requests.js';
import { EVIDENCE_FIELDS, EVIDENCE_TYPES, evidenceFacts, evidenceFaults } from './evidence-types.js';

const EXAMPLES: Record<string, Record<string, string>> = {
  ticket: { reference: 'OPS-17', url: 'https://tickets.example.com/OPS-17' },
  deployment: { service: 'notifier', version: '1.4.2', deployed_at: '2026-01-02T03:04:05Z' },
  configuration_change: { setting: 'endpoints.ci-bot.url', change: 'points to the new host' },
  recipient_correction: { channel: 'email', address: ' dana@EXAMPLE.com ' },
  provider_health: { provider: 'smtp', status: 'recovered', observed_at: '2026-01-02T03:04:05Z' },
  note: { text: 'spoke with the owner of the endpoint' },
};
const requestOf = (fields: object) => validateShape(EvidenceRequest, fields);

describe('evidence', () => {
  it.each(EVIDENCE_TYPES)('DLQ-7.a of type %s has its own required fields and takes no other’s', (type) => {
    const example = EXAMPLES[type]!;
    expect(evidenceFaults(requestOf({ type, ...example }))).toEqual([]);
    for (const field of EVIDENCE_FIELDS[type].required) {
      const { [field]: _, ...without } = example;
      expect(evidenceFaults(requestOf({ type, ...without }))).toMatchObject([
        { pointer: `/${field}`, code: 'required' },
      ]);
    }
    const foreign = type === 'ticket' ? { service: 'x' } : { reference: 'x' };
    const [fault] = evidenceFaults(requestOf({ type, ...example, ...foreign }));
    expect(fault).toMatchObject({ pointer: `/${Object.keys(foreign)[0]}`, code: 'unknown_field' });
  });

  it.each([
    [{ type: 'hope' }, '/type'],
    [{ type: 'note', text: '  ' }, '/text'],
    [{ type: 'ticket', reference: 'a\nb' }, '/reference'],
    [{ type: 'ticket', reference: 'a', url: 'javascript:alert(1)' }, '/url'],
    [{ type: 'deployment', service: 'a', version: '1', deployed_at: 'yesterday' }, '/deployed_at'],
    [{ type: 'provider_health', provider: 'smtp', status: 'fine' }, '/status'],
    [{ type: 'note', text: 'x', colour: 'red' }, '/colour'],
  ])('ING-10.a refuses %j with a pointer', (fields, pointer) => {
    const refused = () => requestOf(fields);
    expect(refused).toThrow(Problem);
    try {
      refused();
    } catch (error) {
      expect((error as Problem).options.errors).toMatchObject([{ pointer }]);
    }
  });

  it('DLQ-7.a refuses an address that cannot be one', () => {
    const request = requestOf({ type: 'recipient_correction', channel: 'email', address: 'nobody' });
    expect(evidenceFaults(request)).toMatchObject([{ pointer: '/address', code: 'invalid_value' }]);
  });

  it('keeps what is told without secrets and addresses, but for the address it is about', () => {
    const secret = 'tangerine-and-lime';
    expect(evidenceFacts(requestOf({ type: 'note', text: `password=${secret}, ask jo@example.org` })).text).not.toMatch(
      /tangerine|jo@/,
    );
    expect(evidenceFacts(requestOf({ type: 'recipient_correction', ...EXAMPLES['recipient_correction'] }))).toEqual({
      channel: 'email',
      address: 'dana@example.com',
    });
    expect(maskedAddress('dana@example.com')).toBe('d…@example.com');
    expect(maskedAddress('ci-bot')).toBe('ci-bot');
  });
});
