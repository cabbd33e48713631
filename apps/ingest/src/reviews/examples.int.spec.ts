import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';

interface Example {
  request: object;
  answer: { status: number; headers: Record<string, string>; body: unknown };
}

const folder = new URL('../../../../examples/submitting/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
/** What each shows, by its file. */
const SHOWS: Record<string, string> = {
  '01-accepted.json': 'ING-2.a',
  '02-replayed.json': 'ING-3.a',
  '03-key-reused.json': 'ING-3.b',
  '04-in-progress.json': 'ING-4.b',
  '05-rerun-required.json': 'ING-5.a',
  '06-rerun.json': 'ING-5.a',
  '07-stale.json': 'ING-5.b',
  '08-path-not-allowed.json': 'ING-7.a',
  '09-invalid.json': 'ING-10.a',
};

/** What differs from run to run, by member; a job's id as the number of the job. */
const TIMES = /^(accepted_at|created_at|updated_at|settled_at|at)$/;

let fixture: IngestFixture;
let replica: Replica;

beforeAll(async () => {
  fixture = await ingestFixture();
  // No other stage runs here: a review that was accepted stays under way.
  replica = await fixture.start();
}, 60_000);
afterAll(() => fixture.close());

const jobs: string[] = [];

function jobNumber(id: string): string {
  if (!jobs.includes(id)) jobs.push(id);
  return `<job ${jobs.indexOf(id) + 1}>`;
}

function masked(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((entry) => masked(entry));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, masked(inner, member)]));
  }
  if (typeof value !== 'string') return value;
  if (name === 'correlation_id') return '<correlation id>';
  if (TIMES.test(name)) return '<time>';
  return value.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, jobNumber);
}

describe('the examples of submitting, one after the other', () => {
  it.each(names.map((name) => [SHOWS[name]!, name]))('%s is answered as its file says: %s', async (_shows, name) => {
    const { request, answer } = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Example;
    const { status, body, headers } = await replica.post(request);
    const shown = Object.fromEntries(Object.keys(answer.headers).map((header) => [header, masked(headers[header])]));
    expect({ status, headers: shown, body: masked(body) }).toEqual(answer);
  });

  it('are all there', () => {
    expect(names).toEqual(Object.keys(SHOWS));
  });
});
