import { Webhook } from 'standardwebhooks';
import type { ReceivedChat, ReceivedMail, ReceivedWebhook } from '../sink-types.js';
import { bold, clip, cyan, dim, green, heading, note, red, say, table } from '../terminal.js';
import type { Scene } from './scene.js';

const MAIL_LINES = 12;
const CHAT_LINES = 6;
/** What tells a second mail for the first one. */
const KEYS: Record<ReceivedMail['via'], string> = {
  smtp: 'Message-ID',
  resend: 'Idempotency-Key',
  postmark: 'searched by',
};
const SERVERS: Record<ReceivedMail['via'], string> = {
  smtp: 'a mail server, SMTP',
  resend: 'a mail service that remembers keys',
  postmark: 'a mail service that can be asked',
};
const LINE_WIDTH = 92;

/** By the library of the Standard Webhooks project, which knows nothing of Assay. */
function verifies({ body, headers }: ReceivedWebhook, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

function printWebhook(webhook: ReceivedWebhook, secret: string): void {
  const { body, headers } = webhook;
  const genuine = verifies(webhook, secret);
  const altered = verifies({ ...webhook, body: body.replace('"F01"', '"F99"') }, secret);
  if (!genuine || altered) throw new Error('the webhook’s signature does not hold');
  const { data, type } = JSON.parse(body) as { type: string; data: { findings: unknown[]; changelist_id: string } };
  say(
    `  ${bold('webhook')} at ${webhook.endpoint}: ${type}, changelist ${data.changelist_id}, ${data.findings.length} findings`,
  );
  table(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'traceparent'].map((name) => [
      dim(name),
      clip(headers[name] ?? '', LINE_WIDTH - 20),
    ]),
    4,
  );
  say(`    ${green('✓')} the signature verifies with an independent Standard Webhooks library`);
  say(`    ${red('✗')} with one finding altered it does not`);
}

function printMails(mails: readonly ReceivedMail[]): void {
  table([
    ['mail to', 'by', 'key on the wire'],
    ...mails.map(({ envelope_to, message_id, via }) => [
      envelope_to.join(', '),
      SERVERS[via],
      `${KEYS[via]} ${dim(clip(message_id, 28))}`,
    ]),
  ]);
  const [first] = mails;
  if (first === undefined) throw new Error('no mail came');
  say();
  say(`  ${bold(first.subject)}`);
  for (const line of first.text.split('\n').slice(0, MAIL_LINES)) say(`  ${cyan('│')} ${clip(line, LINE_WIDTH)}`);
  note('… and so on, by severity; the same in HTML');
}

function printMessage({ blocks, hook }: ReceivedChat): void {
  const texts = blocks.map(({ text }) => text?.text ?? '');
  const longest = Math.max(...texts.map((text) => text.length));
  say(
    `  ${bold('Slack-compatible hook')} ${hook}: ${blocks.length} blocks, the longest of ${longest} characters, no key on the wire`,
  );
  const lines = texts.flatMap((text) => text.split('\n'));
  for (const line of lines.slice(0, CHAT_LINES)) say(`  ${cyan('│')} ${clip(line, LINE_WIDTH)}`);
}

/** Act 3: mails, chat message and webhook as they were received, each by a server that speaks its protocol. */
export async function telling(scene: Scene): Promise<void> {
  heading('3  Those concerned are told');
  printMails([...(await scene.mails())].sort((a, b) => b.via.localeCompare(a.via)));
  say();
  for (const message of await scene.messages()) printMessage(message);
  say();
  for (const webhook of await scene.webhooks()) printWebhook(webhook, scene.webhook_secret);
}
