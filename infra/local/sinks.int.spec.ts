import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, testRun } from '@assay/testing';
import { freePorts } from './ports.js';
import type { Behaviour, ReceivedChat, ReceivedMail } from './sink-types.js';

const TOKEN = 'tangerine';
const HOOK = '/services/T1/B1/x1';
const MAIL = { from: 'a@example.com', to: ['dana@resend.example'], subject: 's', text: 't', html: '<p>t</p>' };

let directory: string;
let sinks: ChildProcess;
let base: string;
let control: string;

/** As the local stack starts them. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-sinks-'));
  const secrets_file = join(directory, 'sinks.json');
  await writeFile(secrets_file, JSON.stringify({ mail_api_token: TOKEN, slack_paths: { reviews: HOOK } }));
  const [smtp_port, webhook_port, control_port] = await freePorts(3);
  const options = JSON.stringify({ smtp_port, webhook_port, control_port, secrets_file });
  sinks = spawn(process.execPath, [join(testRun().build, 'infra', 'local', 'sinks.js'), options], {
    env: { PATH: process.env['PATH'] },
  });
  [base, control] = [`http://127.0.0.1:${webhook_port}`, `http://127.0.0.1:${control_port}`];
  await eventually(() => read('mails'), { within_ms: 30_000 });
});
afterAll(async () => {
  sinks.kill();
  await rm(directory, { recursive: true });
});

const read = async <T = unknown>(noun: string): Promise<T> => (await fetch(`${control}/${noun}`)).json() as Promise<T>;
const mails = async () => (await read<{ mails: ReceivedMail[] }>('mails')).mails;
const messages = async () => (await read<{ messages: ReceivedChat[] }>('slack')).messages;
const behave = (receiver: string, behaviour: Behaviour) =>
  fetch(`${control}/behaviour/${receiver}`, { method: 'PUT', body: JSON.stringify(behaviour) });
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${base}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
const resend = (key: string, mail: object = MAIL, token = TOKEN) =>
  post('/mail-api/resend/emails', mail, { authorization: `Bearer ${token}`, 'idempotency-key': key });
const section = (text: string) => ({ text: 'x', blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] });

describe('the receivers of the local stack', () => {
  it('have a mail service that takes a second request under a key for the first, and no other mail under it', async () => {
    const first = (await (await resend('k1')).json()) as { id: string };
    expect(await (await resend('k1')).json()).toEqual(first);
    const answers = [
      await resend('k1', { ...MAIL, subject: 'another' }),
      await resend('k2', {}),
      await resend('k3', MAIL, 'x'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([409, 422, 403]);
    expect((await mails()).map(({ via, message_id, envelope_to }) => [via, message_id, envelope_to])).toEqual([
      ['resend', 'k1', ['dana@resend.example']],
    ]);
    expect(JSON.stringify(await mails())).not.toContain(TOKEN);
  });

  it('have a mail service that can be asked by key and by id, once its search has seen the mail', async () => {
    const headers = { 'x-postmark-server-token': TOKEN };
    const mail = { From: 'a@example.com', To: 'b@postmark.example', Subject: 's', TextBody: 't', HtmlBody: 'h' };
    const sent = await post('/mail-api/postmark/email', { ...mail, Metadata: { assay_key: 'k9' } }, headers);
    const { MessageID } = (await sent.json()) as { MessageID: string };
    const ask = async (path: string) => {
      const answer = await fetch(`${base}/mail-api/postmark/messages/outbound${path}`, { headers });
      return (await answer.json()) as { MessageID?: string; Messages?: { MessageID: string }[] };
    };
    const by_key = (key: string) => ask(`?count=1&offset=0&metadata_assay_key=${key}`);
    await eventually(async () => expect((await by_key('k9')).Messages).toEqual([{ MessageID }]));
    expect((await by_key('k8')).Messages).toEqual([]);
    expect((await ask(`/${MessageID}/details`)).MessageID).toBe(MessageID);
  });

  it('have a hook that takes one message a second after a short burst, and says when to come again', async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => post(HOOK, section('hello'))));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(['1', '1']);
    expect(await read('slack')).toMatchObject({ total: 3, rate_limited: 2 });
    expect((await post('/services/T1/B1/guessed', section('hello'))).status).toBe(404);
  });

  it('have a hook that refuses a block of more than 3,000 characters as Slack does', async () => {
    const words = async (text: string) => (await post(HOOK, section(text))).text();
    // Once it has room for a message again.
    await eventually(async () => expect(await words('x'.repeat(3_001))).toBe('invalid_blocks'));
    await eventually(async () => expect(await words('x'.repeat(3_000))).toBe('ok'));
  });

  it('cut, lose and refuse as they are told, and keep what they took all the same', async () => {
    const before = (await mails()).length;
    await behave('mail_api:resend', { cut: true, times: 1 });
    await expect(resend('c1')).rejects.toThrow();
    await behave('mail_api:resend', { cut: true, lost: true, times: 1 });
    await expect(resend('c2')).rejects.toThrow();
    await behave('mail_api:resend', { answer: 500, accepted: true, times: 1 });
    expect((await resend('c3')).status).toBe(500);
    await behave('mail_api:resend', { answer: 429, headers: { 'retry-after': '7' }, times: 1 });
    expect((await resend('c4')).headers.get('retry-after')).toBe('7');
    expect((await resend('c4')).status).toBe(200);
    const kept = (await mails()).slice(before).map(({ message_id, answered }) => [message_id, answered]);
    expect(kept).toEqual([
      ['c1', 'cut'],
      ['c3', 500],
      ['c4', 200],
    ]);
    await behave('slack:reviews', { answer: 503, times: 1 });
    expect((await post(HOOK, section('later'))).status).toBe(503);
    expect((await messages()).filter(({ blocks }) => JSON.stringify(blocks).includes('later'))).toEqual([]);
  });
});
