import type { ServicesAddress, StackAddress } from './host-protocol.js';
import { SLACK_HOOKS } from './secrets.js';
import { domainOf } from './stack-configuration.js';
import { bold, cyan, say, table } from './terminal.js';

/** Where everything is, and the commands to try next. */
export function printStack(address: StackAddress): void {
  const { kafka, log_directory, postgres, stack } = address;
  if (stack === null) return;
  say();
  const services = Object.entries(stack.services).map(([name, { pid, url }]) => [name, url, String(pid)]);
  table([
    ['what', 'where', 'pid'],
    ...services,
    ['Kafka', kafka.brokers, String(kafka.pid)],
    ['Postgres', postgres.admin_url, String(postgres.pid)],
    ['what was received', stack.sinks.control_url, String(stack.sinks.pid)],
  ]);
  say();
  table([['role', 'API key'], ...Object.entries(stack.keys).map(([role, key]) => [role, key])]);
  const { 'dead-letter': dead_letter, ingest, notifier, validator } = stack.services;
  say();
  table([['recipients', 'told by'], ...recipientsOf(stack)]);
  say();
  say(bold('  Try'));
  say(cyan(`  curl -s -H 'Authorization: Bearer ${stack.keys.submitter}' ${ingest.url}/v1/reviews`));
  say(cyan(`  curl -s -H 'Authorization: Bearer ${stack.keys.operator}' ${dead_letter.url}/v1/dead-letters`));
  const operator = `ASSAY_URL=${dead_letter.url} ASSAY_API_KEY=${stack.keys.operator}`;
  say(cyan(`  ${operator} node dist/bin/assayctl.js dead-letters list`));
  say(cyan(`  curl -s ${validator.probes_url}/metrics`));
  for (const noun of ['mails', 'slack', 'webhooks']) say(cyan(`  curl -s ${stack.sinks.control_url}/${noun}`));
  say();
  say(bold('  For the five minutes of the README'));
  say(cyan(`  export INGEST=${ingest.url} VALIDATOR=${validator.url} NOTIFIER=${notifier.url} \\`));
  say(
    cyan(
      `    DEAD_LETTER=${dead_letter.url} RECEIVED=${stack.sinks.control_url} SUBMITTER=${stack.keys.submitter} OPERATOR=${stack.keys.operator}`,
    ),
  );
  say();
  say(`  logs: ${log_directory}`);
}

/** Whom a submission may name. */
export function recipientsOf({ providers_file, sinks: { webhook_endpoints } }: ServicesAddress): string[][] {
  return [
    ['email: any address', 'a mail server'],
    [`email: any address of ${domainOf('resend')}`, 'a mail service that remembers keys'],
    [`email: any address of ${domainOf('postmark')}`, 'a mail service that can be asked'],
    [`webhook: ${webhook_endpoints.join(', ')}`, 'webhook endpoints'],
    [`slack: ${SLACK_HOOKS.join(', ')}`, 'Slack-compatible hooks, one message a second each'],
    ...(providers_file === null
      ? []
      : [['whom your file names', `${providers_file}, in place of all of the same kind`]]),
  ];
}
