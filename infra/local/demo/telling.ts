import { Webhook } from 'standardwebhooks';
import type { ReceivedWebhook } from '../sink-types.js';
import { bold, clip, cyan, dim, green, heading, note, red, say, table } from '../terminal.js';
import type { Scene } from './scene.js';

const MAIL_LINES = 12;
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

/** Act 3: the mail and the webhook as they were received. */
export async function telling(scene: Scene): Promise<void> {
  heading('3  Those concerned are told');
  const mails = await scene.mails();
  table([
    ['mail to', 'subject', 'Message-ID'],
    ...mails.map((mail) => [mail.envelope_to.join(', '), clip(mail.subject, 50), dim(clip(mail.message_id, 30))]),
  ]);
  say();
  for (const line of (mails[0]?.text ?? '').split('\n').slice(0, MAIL_LINES)) {
    say(`  ${cyan('│')} ${clip(line, LINE_WIDTH)}`);
  }
  note('… and so on, by severity; the same in HTML');
  say();
  for (const webhook of await scene.webhooks()) printWebhook(webhook, scene.webhook_secret);
}
