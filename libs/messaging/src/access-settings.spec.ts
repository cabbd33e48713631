import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, defineSettings, readSettings } from '@assay/service';
import { privateAuthority } from '@assay/testing';
import { KAFKA_ACCESS_SETTINGS, kafkaAccessFaults } from './access-settings.js';

const DEFINITION = defineSettings(KAFKA_ACCESS_SETTINGS, kafkaAccessFaults);
const authority = privateAuthority();
const [alice, other] = [authority.issue('alice'), authority.issue('other')];
const KEPT = {
  CA: authority.ca,
  CERT: alice.cert,
  KEY: alice.key,
  OTHER_KEY: other.key,
  WORD: 'a-word-that-nobody-may-read',
};
const TLS = { ASSAY_KAFKA_TLS: 'true', ASSAY_KAFKA_TLS_CA: 'env:CA' };
const LOGIN = { ASSAY_KAFKA_SASL_USER: 'env:WORD', ASSAY_KAFKA_SASL_PASSWORD: 'env:WORD' };
const TOKEN = {
  ASSAY_KAFKA_OAUTH_TOKEN_URL: 'https://issuer.example/token',
  ASSAY_KAFKA_OAUTH_CLIENT_ID: 'assay',
  ASSAY_KAFKA_OAUTH_CLIENT_SECRET: 'env:WORD',
};

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readSettings(DEFINITION, { ...KEPT, ...env });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe("the settings of Kafka's access", () => {
  it.each([
    ['nothing', {}],
    ['TLS by the authorities that Node brings', { ASSAY_KAFKA_TLS: 'true' }],
    ['a client certificate', { ...TLS, ASSAY_KAFKA_TLS_CERTIFICATE: 'env:CERT', ASSAY_KAFKA_TLS_KEY: 'env:KEY' }],
    ['PLAIN over TLS', { ...TLS, ...LOGIN, ASSAY_KAFKA_SASL_MECHANISM: 'PLAIN' }],
    ['SCRAM without TLS, which sends no password', { ...LOGIN, ASSAY_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' }],
    ['a token over TLS', { ...TLS, ...TOKEN, ASSAY_KAFKA_SASL_MECHANISM: 'OAUTHBEARER' }],
  ])('take %s', (_what, env) => {
    expect(faultsOf(env)).toEqual([]);
  });

  const without = (env: Record<string, string>, name: string) =>
    Object.fromEntries(Object.entries(env).filter(([each]) => each !== name));
  const bearer = { ...TLS, ...TOKEN, ASSAY_KAFKA_SASL_MECHANISM: 'OAUTHBEARER' };
  it.each([
    ['an authority without TLS', { ASSAY_KAFKA_TLS_CA: 'env:CA' }, 'ASSAY_KAFKA_TLS_CA: .*set ASSAY_KAFKA_TLS=true'],
    [
      'a certificate without its key',
      { ...TLS, ASSAY_KAFKA_TLS_CERTIFICATE: 'env:CERT' },
      'ASSAY_KAFKA_TLS_KEY: is missing',
    ],
    [
      'a key without its certificate',
      { ...TLS, ASSAY_KAFKA_TLS_KEY: 'env:KEY' },
      'ASSAY_KAFKA_TLS_CERTIFICATE: is missing',
    ],
    [
      'the key of another certificate',
      { ...TLS, ASSAY_KAFKA_TLS_CERTIFICATE: 'env:CERT', ASSAY_KAFKA_TLS_KEY: 'env:OTHER_KEY' },
      'ASSAY_KAFKA_TLS_KEY: is not the key of ASSAY_KAFKA_TLS_CERTIFICATE',
    ],
    ['an authority that is no PEM', { ...TLS, ASSAY_KAFKA_TLS_CA: 'env:WORD' }, 'ASSAY_KAFKA_TLS_CA: .*not PEM'],
    [
      'a mechanism without its password',
      { ...TLS, ...without(LOGIN, 'ASSAY_KAFKA_SASL_PASSWORD'), ASSAY_KAFKA_SASL_MECHANISM: 'PLAIN' },
      'ASSAY_KAFKA_SASL_PASSWORD: is missing; PLAIN needs it',
    ],
    ['a password without a mechanism', { ...TLS, ...LOGIN }, 'ASSAY_KAFKA_SASL_USER: .*set that, or leave this out'],
    [
      'PLAIN without TLS',
      { ...LOGIN, ASSAY_KAFKA_SASL_MECHANISM: 'PLAIN' },
      'ASSAY_KAFKA_TLS: PLAIN would send its secret readable; set it to true, or use SCRAM',
    ],
    [
      'an issuer without a client',
      without(bearer, 'ASSAY_KAFKA_OAUTH_CLIENT_ID'),
      'ASSAY_KAFKA_OAUTH_CLIENT_ID: is missing; OAUTHBEARER needs it',
    ],
    [
      'a password beside a token',
      { ...bearer, ...LOGIN },
      'ASSAY_KAFKA_SASL_PASSWORD: .*with OAUTHBEARER; leave it out',
    ],
    [
      'an issuer that is asked in the clear',
      { ...bearer, ASSAY_KAFKA_OAUTH_TOKEN_URL: 'http://issuer.example/token' },
      'ASSAY_KAFKA_OAUTH_TOKEN_URL: must begin with https://',
    ],
    [
      'a password in the URL of the issuer',
      { ...bearer, ASSAY_KAFKA_OAUTH_TOKEN_URL: `https://a:${KEPT.WORD}@issuer.example/token` },
      'ASSAY_KAFKA_OAUTH_TOKEN_URL: must not hold a user or a password',
    ],
    [
      'extensions that are none',
      { ...bearer, ASSAY_KAFKA_OAUTH_EXTENSIONS: 'auth=x' },
      'ASSAY_KAFKA_OAUTH_EXTENSIONS: must not set auth',
    ],
  ])('refuse %s by name and cure, and tell no secret', (_what, env, expected) => {
    const faults = faultsOf(env);
    expect(faults.filter((fault) => new RegExp(`^${expected}`).test(fault))).toHaveLength(1);
    expect(faults.join()).not.toContain(KEPT.WORD);
  });
});
