import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails } from '@assay/contracts';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { assayctl } from '../../apps/assayctl/src/assayctl.js';
import { SOURCE } from '../../infra/local/secrets.js';
import { bytes, GIVEN, LENIENT_ANSWER, own, POLICIES } from './doors.fixture.js';

const START_LIMIT_MS = 90_000;
const VERDICT = ['outcome', 'versions', 'rejection', 'reading', 'explanation', 'result', 'counts', 'diagnostics'];

const directory = mkdtempSync(join(tmpdir(), 'assay-e2e-'));
const allow_list_file = join(directory, 'allow-list.json');
const allow_list = JSON.stringify({
  changed_by: 'e2e',
  entries: ['./...', '//depot/p/...', '//depot/project/...', '//depot/demo/...'],
});
const policy_file = join(directory, 'review-policy.json');
/** Not what `assayctl` reads by unless it is told. */
const policy = JSON.stringify({
  truncated: 'keep_complete',
  sources: { [SOURCE]: { aliases: { severity: { p0: 'critical' } } }, other: { reading: 'strict' } },
});
let system: TestSystem;

beforeAll(async () => {
  writeFileSync(allow_list_file, allow_list);
  writeFileSync(policy_file, policy);
  const common = { ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list_file };
  system = await startSystem({
    tuning: { ingest: common, validator: { ...common, ASSAY_REVIEW_POLICY_FILE: policy_file } },
  });
}, START_LIMIT_MS);
afterAll(async () => {
  await system.close();
  rmSync(directory, { recursive: true });
}, START_LIMIT_MS);

/** What a door says: its refusal, or the verdict. */
interface Said {
  refused?: Record<string, unknown>;
  verdict?: Record<string, unknown>;
}

interface Answered {
  status: number;
  body: Record<string, unknown>;
}

async function ask(service: 'ingest' | 'validator', path: string, body?: Buffer): Promise<Answered> {
  const [replica] = system.services.of(service);
  const response = await fetch(`${replica?.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${system.services.secrets.keys.submitter}`,
      'content-type': 'application/json',
    },
    ...(body && { body: new Uint8Array(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function refusal(problem: Record<string, unknown>): Said {
  const { correlation_id: _id, ...refused } = problem as unknown as ProblemDetails;
  return { refused };
}

const verdict = (body: Record<string, unknown>): Said => ({
  verdict: Object.fromEntries(VERDICT.map((name) => [name, body[name]])),
});

async function throughIngest(given: Buffer): Promise<Said> {
  const { status, body } = await ask('ingest', '/v1/reviews', given);
  if (status !== 202) return refusal(body);
  const findings = await eventually(async () => {
    const answered = await ask('validator', `/v1/reviews/${String(body['job_id'])}/findings`);
    expect(answered.status).toBe(200);
    return answered.body;
  });
  return verdict(findings);
}

async function throughValidator(given: Buffer): Promise<Said> {
  const { status, body } = await ask('validator', '/v1/validations', given);
  return status === 200 ? verdict(body) : refusal(body);
}

function throughAssayctl(given: Buffer): Said {
  let out = '';
  const files: Record<string, Buffer> = { '-': given, list: Buffer.from(allow_list), policy: Buffer.from(policy) };
  const as = ['--allow-list', 'list', '--source', SOURCE, '--policy', 'policy'];
  const code = assayctl(['validate', '-', '--json', ...as], {
    read: (file) => files[file]!,
    run: () => {
      throw new Error('no other program is needed');
    },
    out: (text) => (out += text),
    err: (text) => (out += text),
    env: {},
    colour: false,
    columns: 100,
  });
  const body = JSON.parse(out) as Record<string, unknown>;
  expect(code).toBe(body['outcome'] === 'accepted' ? 0 : 1);
  return 'outcome' in body ? verdict(body) : refusal(body);
}

describe('the three doors of a submission', () => {
  it.each(Object.entries(GIVEN))('VAL-13.c VAL-13.d agree on %s', async (_title, given) => {
    expect(given.length).toBeGreaterThan(10);
    for (const [title, body] of given) {
      const reviews = await throughIngest(body);
      expect({ title, said: await throughValidator(body) }).toEqual({ title, said: reviews });
      expect({ title, said: throughAssayctl(body) }).toEqual({ title, said: reviews });
    }
  });

  it("VAL-15.g VAL-13.c agree on the reading of the source's policy, and of one that a dry run brings", async () => {
    const submitted = own({ review_result: LENIENT_ANSWER });
    const reviews = await throughIngest(bytes(submitted));
    expect(reviews.verdict).toMatchObject({ reading: 'lenient', counts: { kept: 2, by_code: { alias_mapped: 1 } } });
    expect(await throughValidator(bytes(submitted))).toEqual(reviews);
    expect(throughAssayctl(bytes(submitted))).toEqual(reviews);
    const said = new Set<string>();
    for (const given of POLICIES) {
      const body = bytes({ ...submitted, ...given });
      const validations = await throughValidator(body);
      expect({ given, said: throughAssayctl(body) }).toEqual({ given, said: validations });
      expect((await throughIngest(body)).refused).toMatchObject({ errors: [{ pointer: '/policy' }] });
      said.add(JSON.stringify(validations.verdict?.['counts'] ?? null));
    }
    // Refused; the default, without aliases, with one of its own, and strictly.
    expect(said.size).toBe(5);
  });

  it('VAL-13.c take and refuse what they should', () => {
    const all = Object.values(GIVEN).flat();
    const codes = new Set<unknown>();
    for (const [, body] of all) {
      const { verdict: judged, refused } = throughAssayctl(body);
      codes.add(refused?.['code'] ?? judged?.['outcome']);
    }
    const refusals = [
      'invalid_request',
      'malformed_json',
      'invalid_encoding',
      'depot_path_not_allowed',
      'payload_too_large',
    ];
    expect([...codes].toSorted()).toEqual(['accepted', 'rejected', ...refusals].toSorted());
  });

  it('VAL-13.c agree where a dry run leaves recipients and key out', async () => {
    const whole = [...GIVEN['every example'], ...GIVEN['every fixture of the engine'], ...GIVEN['every form of root']];
    for (const [title, body] of whole) {
      const {
        recipients: _told,
        idempotency_key: _key,
        ...least
      } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
      const expected = await throughValidator(body);
      if (expected.refused?.['code'] === 'invalid_request') continue;
      const given = Buffer.from(JSON.stringify(least));
      expect({ title, said: await throughValidator(given) }).toEqual({ title, said: expected });
      expect({ title, said: throughAssayctl(given) }).toEqual({ title, said: expected });
    }
  });
});
