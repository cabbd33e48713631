import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fixedSecret } from '@assay/security';
import { privateAuthority, startTokenIssuer } from '@assay/testing';
import type { TokenIssuer } from '@assay/testing';
import { OauthTokens } from './oauth-tokens.js';

const authority = privateAuthority();
const SECRET = 'a b:c~d-e+ü';

describe('tokens by client credentials', () => {
  let issuer: TokenIssuer;

  beforeEach(async () => {
    issuer = await startTokenIssuer(0, authority.issue('issuer'));
  });
  afterEach(() => issuer.close());

  const tokens = (ca = authority.ca) =>
    new OauthTokens({
      ...{ token_url: `${issuer.url}/token`, client_id: 'assay', client_secret: fixedSecret(SECRET) },
      ...{ scope: null, ca: fixedSecret(ca) },
    });

  it('are shared by all logins until two thirds of their life are over', async () => {
    const own = tokens();
    const first = await Promise.all([own.current(), own.current()]);
    expect(new Set([...first, await own.current()]).size).toBe(1);
    expect(issuer.given).toBe(1);
  });

  it('are asked for anew where a session would be renewed with the one that began it', async () => {
    issuer.life_s = 15;
    const own = tokens();
    await own.current();
    await own.current();
    expect(issuer.given).toBe(2);
  });

  it('serve to their end while the issuer cannot be asked', async () => {
    issuer.life_s = 15;
    const own = tokens();
    const first = await own.current();
    issuer.refusal = { status: 503, error: 'away' };
    expect(await own.current()).toBe(first);
  });

  it('are asked for with the client and its secret in the form of RFC 6749, 2.3.1', async () => {
    await tokens().current();
    const [sent] = issuer.authorizations;
    const [id, secret] = Buffer.from(sent!.slice('Basic '.length), 'base64').toString().split(':');
    expect([id, new URLSearchParams(`secret=${secret}`).get('secret')]).toEqual(['assay', SECRET]);
    expect(secret).toContain('d-e');
  });

  it('are not asked of an issuer that is not trusted', async () => {
    await expect(tokens(privateAuthority('other').ca).current()).rejects.toThrow();
    expect(issuer.authorizations).toEqual([]);
  });

  it('say what the issuer answers where it refuses, and only words of RFC 6749', async () => {
    issuer.refusal = { status: 401, error: 'invalid_client' };
    await expect(tokens().current()).rejects.toMatchObject({
      refusal: { code: 'kafka_token_refused', detail: expect.stringContaining('invalid_client') },
    });
    issuer.refusal = { status: 400, error: SECRET };
    await expect(tokens().current()).rejects.toMatchObject({
      refusal: { detail: expect.not.stringContaining(SECRET) },
    });
  });
});
