import { describe, expect, it } from '@jest/globals';
import { classifySmtp, SmtpError } from './smtp.classify.js';
import type { SmtpFault } from './smtp.classify.js';

const SILENCE: SmtpFault = {
  code: 'ESOCKET',
  node_code: null,
  command: 'CONN',
  reply: null,
  enhanced: null,
  text: '',
  data_started: false,
  domain: 'example.org',
};

const classify = (different: Partial<SmtpFault>): ReturnType<typeof classifySmtp> =>
  classifySmtp(new SmtpError({ ...SILENCE, ...different }, { cause: null }));

describe('classifySmtp', () => {
  it('DEL-7.f takes certificates and names for faults of the server that stay', () => {
    for (const [node_code, code] of [
      ['ENOTFOUND', 'name_not_found'],
      ['CERT_HAS_EXPIRED', 'certificate_expired'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_name'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate_untrusted'],
    ]) {
      const { verdict, failure, concerns, stays } = classify({ node_code: node_code! });
      expect([verdict, failure.code, concerns, stays]).toEqual(['not_sent_retryable', code, 'destination', true]);
    }
    expect(classify({ node_code: 'ECONNREFUSED' })).toMatchObject({ failure: { code: 'smtp_esocket' } });
    expect(classify({ node_code: 'ECONNREFUSED' }).stays).toBeUndefined();
  });

  it('DEL-7.k leaves a 4xx at AUTH to the server, and blames the credential for a 5xx', () => {
    const at_auth = { code: 'EAUTH', command: 'AUTH PLAIN' };
    expect(classify({ ...at_auth, reply: 454 })).toMatchObject({ concerns: 'destination', stays: false });
    expect(classify({ ...at_auth, reply: 421 })).toMatchObject({ concerns: 'destination', stays: false });
    expect(classify({ ...at_auth, reply: 535 })).toMatchObject({ concerns: 'credential' });
    expect(classify({ ...at_auth, reply: 550 })).toMatchObject({ concerns: 'credential' });
  });

  it('DEL-7.p takes a refusal of addresses beyond ASCII for the recipient, also at MAIL FROM', () => {
    const { verdict, concerns, failure } = classify({ command: 'MAIL FROM', reply: 550, enhanced: '5.6.7' });
    expect([verdict, concerns, failure.code]).toEqual(['not_sent_permanent', 'recipient', 'smtp_no_smtputf8']);
  });
});
