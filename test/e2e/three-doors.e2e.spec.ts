import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails } from '@assay/contracts';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { assayctl } from '../../apps/assayctl/src/assayctl.js';
import { SOURCE } from '../../infra/local/secrets.js';
import { GIVEN } from './doors.fixture.js';

const START_LIMIT_MS = 90_000;
const VERDICT = ['outcome', 'versions', 'rejection', 'result', 'counts', 'diagnostics'];

const directory = mkdtempSync(join(tmpdir(), 'assay-e2e-'));
const allow_list_file = join(directory, 'allow-list.json');
const allow_list = JSON.stringify({
  changed_by: 'e2e',
  entries: ['./...', '//depot/p/...', '//depot/project/...', '//depot/demo/...'],
});
let system: TestSystem;

beforeAll(async () => {
  writeFileSync(allow_list_file, allow_list);
  const own = { ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list_file };
  system = await startSystem({ tuning: { ingest: own, validator: own } });
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
  const files: Record<string, Buffer> = { '-': given, list: Buffer.from(allow_list) };
  const code = assayctl(['validate', '-', '--json', '--allow-list', 'list', '--source', SOURCE], {
    read: (file) => files[file]!,
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
  it.each(GIVEN)('VAL-13.c VAL-13.d agree on %s', async (_title, given) => {
    const [reviews, validations, terminal] = [
      await throughIngest(given),
      await throughValidator(given),
      throughAssayctl(given),
    ];
    expect(validations).toEqual(reviews);
    expect(terminal).toEqual(reviews);
  });

  it('VAL-13.c agree where a dry run leaves recipients and key out', async () => {
    const parsed = GIVEN.flatMap(([title, body]) =>
      /^(example|fixture|workspace)/.test(title) ? [JSON.parse(body.toString('utf8')) as Record<string, unknown>] : [],
    );
    for (const { recipients, idempotency_key, ...least } of parsed) {
      const whole = Buffer.from(JSON.stringify({ recipients, idempotency_key, ...least }));
      const given = Buffer.from(JSON.stringify(least));
      const expected = await throughValidator(whole);
      if (expected.refused?.['code'] === 'invalid_request') continue;
      expect([await throughValidator(given), throughAssayctl(given)]).toEqual([expected, expected]);
    }
  });
});
