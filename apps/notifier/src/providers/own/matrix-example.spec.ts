import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Channel } from '@assay/contracts';
import { loadOwnProviders } from '@assay/providers-file';
import type { OwnProviderSettings } from '@assay/providers-file';
import {
  answer,
  closedPort,
  cut,
  drip,
  flood,
  halfClose,
  ignore,
  startHttpReceiver,
} from '../conformance/http-receiver.fixture.js';
import { PLANTED, providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import { selfSigned } from '@assay/testing';
import { ForeignProvider } from './own.provider.js';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..', '..', '..');
const EXAMPLE = join(REPOSITORY, 'examples', 'provider');
const TOKEN = 'syt_token';
const PATH = /^\/_matrix\/client\/v3\/rooms\/!abc%3Aexample\.org\/send\/m\.room\.message\/([0-9a-f]{64})$/;

let directory: string;
let module: string;

/** With nothing of the project but the interface beside it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-own-provider-'));
  await cp(join(EXAMPLE, 'matrix.mts'), join(directory, 'matrix.mts'));
  await cp(join(REPOSITORY, 'libs', 'provider', 'src', 'index.ts'), join(directory, 'assay-provider.ts'));
  const { compilerOptions } = JSON.parse(await readFile(join(EXAMPLE, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object;
  };
  const alone = { rootDir: '.', paths: { '@assay/provider': ['./assay-provider.ts'] } };
  const typeRoots = [join(REPOSITORY, 'node_modules', '@types')];
  const tsconfig = { compilerOptions: { ...compilerOptions, ...alone, typeRoots }, files: ['matrix.mts'] };
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', directory]);
  module = join(directory, 'dist', 'matrix.mjs');
}, 180_000);
afterAll(() => rm(directory, { recursive: true }));

async function loadOwnProvider(entry: OwnProviderSettings, send_timeout_ms: number): Promise<ForeignProvider> {
  const [loaded] = await loadOwnProviders([entry], send_timeout_ms);
  return new ForeignProvider(loaded!);
}

function providerFor(homeserver: string) {
  process.env['MATRIX'] = TOKEN;
  const settings = { homeserver, token: 'env:MATRIX', rooms: { reviews: '!abc:example.org' } };
  return loadOwnProvider({ channel: 'x-matrix', module, settings }, 2_000);
}

const REFUSALS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  refuse_recipient: answer(403, {}, '{"errcode":"M_FORBIDDEN","error":"not in room"}'),
  refuse_at_length: answer(
    403,
    {},
    JSON.stringify({ errcode: 'M_FORBIDDEN', error: `dev@example.org password=${PLANTED} ${'x '.repeat(1_200)}` }),
  ),
  refuse_everybody: answer(404, {}, '{"errcode":"M_UNRECOGNIZED"}'),
  refuse_by_policy: answer(403),
  refuse_for_size: answer(413, {}, '{"errcode":"M_TOO_LARGE"}'),
  busy: answer(429, {}, '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}'),
  refuse_credential: answer(401, {}, '{"errcode":"M_UNKNOWN_TOKEN"}'),
};

const AFTERWARDS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  cut_after_accepting: cut,
  silent_after_accepting: ignore,
  slow_answer: drip(200),
  huge_answer: flood(200),
  half_closed: halfClose,
};

providerConformance({
  name: 'The example of a provider of your own',
  clause: 'DEL-5.i',
  // It trusts whom node trusts, which is settled when the process starts.
  trusts_what_it_is_told: false,
  start: async ({ host } = {}) => {
    const homeserver = await startHttpReceiver(undefined, host);
    const behind_tls = await startHttpReceiver(selfSigned());
    const provider = await providerFor(homeserver.url);
    const unreachable = await providerFor(`http://127.0.0.1:${await closedPort()}`);
    const untrusted = await providerFor(behind_tls.url);
    const accepted: { key: string; bytes: string }[] = [];
    let behaviour: ProviderBehaviour = 'accept';
    homeserver.behave((response, request) => {
      const refusal = REFUSALS[behaviour];
      if (refusal) return refusal(response, request);
      const key = PATH.exec(request.path)?.[1];
      if (key === undefined || request.headers.authorization !== `Bearer ${TOKEN}`)
        return answer(500)(response, request);
      accepted.push({ key, bytes: request.body.toString() });
      const usual = answer(200, {}, '{"event_id":"$1:example.org"}');
      (AFTERWARDS[behaviour] ?? usual)(response, request);
    });
    return {
      provider,
      unreachable,
      untrusted,
      address: 'reviews',
      unknown_address: '!abc:example.org',
      behave: (next) => (behaviour = next),
      accepted: () => accepted,
      close: async () => {
        await Promise.all([provider, unreachable, untrusted].map((each) => each.close()));
        await Promise.all([homeserver.close(), behind_tls.close()]);
      },
    };
  },
});

describe('a module that is no provider', () => {
  const load = async (text: string, settings: unknown = {}, channel: Channel = 'x-mine') => {
    const path = join(await mkdtemp(join(directory, 'broken-')), 'module.mjs');
    await writeFile(path, text);
    return loadOwnProvider({ channel, module: path, settings }, 1_000);
  };
  const provider = (members: string) => `export default { create: () => ({
    capabilities: { idempotent: false, lookup: null, ambiguous_policy: 'hold' },
    destinationOf: () => null, render: () => '', send: async () => ({}), classify: () => ({}), ${members} }) };`;

  it('DEL-5.i stops the start with the name of its entry and the reason', async () => {
    for (const [text, reason] of [
      ['export const create = 1;', 'has no default export with create()'],
      ['export default { create: () => null };', 'destinationOf is no function'],
      [
        'export default { create: () => { throw new Error("settings.room is missing"); } };',
        'settings.room is missing',
      ],
      [provider('send: 7'), 'send is no function'],
      [provider('capabilities: { idempotent: false, lookup: null, ambiguous_policy: "resend" }'), 'ambiguous_policy'],
      [
        provider('capabilities: { idempotent: false, lookup: { lag_ms: 1 }, ambiguous_policy: "hold" }'),
        'come together',
      ],
      ['export default { create: (_, { secret }) => secret("env:NOT_THERE") };', 'the environment has no NOT_THERE'],
      ['export default { create: (_, { secret }) => secret(undefined) };', 'a reference to a secret is expected'],
      ['this is no module', 'Unexpected identifier'],
    ] as const) {
      await expect(load(text)).rejects.toThrow(new RegExp(`^/own/x-mine: .*${reason.replace(/[()]/g, '\\$&')}`));
    }
    await expect(providerFor('no url')).rejects.toThrow('/own/x-matrix: settings.homeserver is no URL');
  });

  it('DEL-5.i is not believed where it does not say what a failure means: it may have been sent', async () => {
    const throwing = await load(provider('classify: () => { throw new Error("bug"); }'));
    const vague = await load(provider(''));
    for (const loaded of [throwing, vague]) {
      expect(loaded.classify(new Error('x'))).toMatchObject({
        verdict: 'ambiguous',
        failure: { error_class: 'PROGRAMMING_ERROR', code: 'not_classified' },
      });
    }
  });
});
