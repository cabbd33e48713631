import { eventually, type TestSystem } from '@assay/testing';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../infra/local/repository.js';

/** What is there to be asked for: without it every `{id}` would be answered 404. */
export interface Subjects {
  jobs: string[];
  deliveries: string[];
  dead_letters: string[];
  fingerprints: string[];
}

/** One job that succeeds and two that end as dead letters: of a review result that is no JSON, of an endpoint that is gone. */
export async function makeSubjects(system: TestSystem): Promise<Subjects> {
  const [validator, notifier, deadLetter] = (['validator', 'notifier', 'dead-letter'] as const).map(
    (name) => system.services.of(name)[0]!.url,
  );
  await system.sinks.behave('gone', { answer: 410 });
  const example = JSON.parse(read('submission.json')) as object;
  const review_result = read('review-result.json');
  const submissions = [
    { changelist_id: 1, review_result },
    { changelist_id: 2, review_result: 'no JSON' },
    { changelist_id: 3, review_result, recipients: [{ channel: 'webhook', address: 'gone' }] },
  ];
  const jobs: string[] = [];
  for (const submission of submissions) {
    const body = { ...example, ...submission, idempotency_key: `subject-${submission.changelist_id}` };
    const { job_id } = (await system.call('/v1/reviews', { body })).body as { job_id: string };
    jobs.push(job_id);
    await system.call(`/v1/reviews/${job_id}?wait_s=30`);
    await eventually(async () => {
      const { status } = await system.call(`/v1/reviews/${job_id}/findings`, { url: validator });
      if (status !== 200) throw new Error(`no findings yet: ${status}`);
    });
  }
  const letters = await eventually(async () => {
    const { body } = await system.call('/v1/dead-letters', { url: deadLetter, as: 'operator' });
    const { items } = body as { items: { id: string; fingerprint: string }[] };
    if (items.length < 2) throw new Error(`${items.length} dead letters`);
    return items;
  });
  const { items: deliveries } = (await system.call('/v1/deliveries', { url: notifier, as: 'operator' })).body as {
    items: { id: string }[];
  };
  return {
    jobs,
    deliveries: deliveries.map(({ id }) => id),
    dead_letters: letters.map(({ id }) => id),
    fingerprints: letters.map(({ fingerprint }) => fingerprint),
  };
}

function read(name: string): string {
  return readFileSync(join(repositoryRoot(), 'examples', 'payments-retry', name), 'utf8');
}
