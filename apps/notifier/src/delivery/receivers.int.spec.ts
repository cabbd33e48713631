import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated, StageDeadLettered, StageDelayed } from '@assay/contracts';
import { eventually, selfSigned } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer, startHttpReceiver } from '../providers/conformance/http-receiver.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const mailTo = (domain: string): Recipient => ({ channel: 'email', address: `dev@${domain}` });

jest.setTimeout(60_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

const letters = (subject_type: string): StageDeadLettered[] =>
  notifier.dead.records
    .map((record) => record.json<StageDeadLettered>())
    .filter((letter) => letter.subject_type === subject_type);

const told = (subject_type: string): Promise<StageDeadLettered> =>
  eventually(
    () => {
      expect(letters(subject_type)).not.toEqual([]);
      return letters(subject_type)[0]!;
    },
    { within_ms: 20_000 },
  );

const tellMany = (many: number, of: (n: number) => Recipient): Promise<ReviewValidated[]> =>
  Promise.all(Array.from({ length: many }, (_, n) => notifier.tell([of(n)])));

describe('receivers as they fail in life, at the wire', () => {
  it.each([404, 301])('DEL-7.e, DEL-8.i delivers all once %s is over, and told of it at once', async (status) => {
    await notifier.start();
    notifier.bot.behave(answer(status, { location: 'https://new.example/hook' }));
    const reviews = await tellMany(20, () => BOT);
    expect(await told('destination')).toMatchObject({
      code: `http_${status}`,
      sanitized_context: { answer: { status } },
    });
    notifier.bot.behave(answer(204));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    expect(letters('delivery')).toEqual([]);
  });

  it('DEL-7.f, DEL-8.i, DEL-8.j tells of a certificate that nobody trusts at once, by its name, to operators and jobs', async () => {
    const untrusted = await startHttpReceiver(selfSigned());
    const directory = await mkdtemp(join(tmpdir(), 'assay-receivers-'));
    const config = JSON.parse(await readFile(notifier.env['ASSAY_NOTIFIER_CONFIG_FILE']!, 'utf8'));
    config.webhook.endpoints.bot.url = `${untrusted.url}/hook`;
    const file = join(directory, 'notifier.json');
    await writeFile(file, JSON.stringify(config));
    await notifier.start({ ASSAY_NOTIFIER_CONFIG_FILE: file });
    const review = await notifier.tell([BOT]);
    expect(await told('destination')).toMatchObject({ code: 'certificate_untrusted' });
    await eventually(() => {
      const codes = notifier.delayed.records.map((each) => each.json<StageDelayed>());
      expect(codes.find(({ job_id }) => job_id === review.job_id)).toMatchObject({ code: 'certificate_untrusted' });
    });
    await untrusted.close();
    await rm(directory, { recursive: true });
  });

  it('DEL-7.h leaves the neighbours of a row that is forbidden alone, and blames the credential for three', async () => {
    await notifier.start();
    const forbidden = new Set<string>();
    let most = 1;
    notifier.bot.behave((response, request) => {
      const id = String(request.headers['webhook-id']);
      if (forbidden.size < most) forbidden.add(id);
      response.writeHead(forbidden.has(id) ? 403 : 204).end();
    });
    await notifier.tell([BOT]);
    await eventually(() => expect(forbidden.size).toBe(1));
    for (let n = 0; n < 3; n += 1) await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(letters('credential')).toEqual([]);
    most = 3;
    await tellMany(2, () => BOT);
    expect(await told('credential')).toMatchObject({ code: 'http_403' });
  });

  it('DEL-7.k is one dead letter where the mail server refuses our sender, and all go once it does not', async () => {
    await notifier.start();
    notifier.mail.behave('refuse_sender');
    const reviews = await tellMany(6, (n) => mailTo(`d${n}.example`));
    expect(await told('destination')).toMatchObject({ code: 'smtp_550', sanitized_context: { destination: 'smtp' } });
    notifier.mail.behave('accept');
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    expect(new Set(letters('destination').map(({ subject_id }) => subject_id)).size).toBe(1);
    expect(letters('delivery')).toEqual([]);
  });

  it('DEL-7.n is the provider’s where it refuses three domains by policy', async () => {
    await notifier.start();
    notifier.mail.behave('refuse_by_policy');
    for (const domain of ['one.example', 'one.example', 'two.example']) {
      await notifier.deliveries(await notifier.tell([mailTo(domain)]), 'failed_permanent');
    }
    expect(letters('destination')).toEqual([]);
    const third = await notifier.tell([mailTo('three.example')]);
    expect(await told('destination')).toMatchObject({ code: 'smtp_550' });
    notifier.mail.behave('accept');
    await notifier.deliveries(third, 'sent');
  });
});
