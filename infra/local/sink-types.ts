import type { SlackBlock } from './receivers/slack-hook.js';

export interface SinkPorts {
  smtp_port: number;
  /** Of everything that is told over HTTP: webhooks, mail services, Slack-compatible hooks. */
  webhook_port: number;
  control_port: number;
}

/** What the sinks are started with. */
export interface SinkOptions extends SinkPorts {
  /** So many records of each kind are kept, the newest; 5,000 where nothing is said. */
  kept?: number;
  /** JSON of {@link SinkSecrets}. */
  secrets_file: string;
}

/** What senders must know to be believed. */
export interface SinkSecrets {
  mail_api_token: string;
  /** Path of each Slack-compatible hook, by name: who knows it may post. */
  slack_paths: Record<string, string>;
}

/** Mail services of the stack, by the names that its configuration gives them: they are those of what they are like. */
export const SINK_MAIL_SERVICES = ['resend', 'postmark'] as const;
export type SinkMailService = (typeof SINK_MAIL_SERVICES)[number];

/**
 * The name under which the mail server, too, can be made to misbehave. `slack:<hook>` is a hook, `mail_api:<service>` a
 * mail service; the others are webhook endpoints.
 */
export const MAIL_SERVER = 'smtp';

/**
 * How a receiver treats its requests, or the mail server its mails. It has read the whole body, or the mail to its
 * final dot, whichever it does.
 */
export interface Behaviour {
  /** Status of the answer instead of the usual one. Not the mail server. */
  answer?: number;
  /** With `answer`: it was accepted all the same. Hooks and mail services only. */
  accepted?: boolean;
  /** Of the answer, by name. Not the mail server. */
  headers?: Record<string, string>;
  /** Answer so late. Webhooks only. */
  after_ms?: number;
  /** Only requests whose body holds this; the others are answered as usual. Not the mail server. */
  only?: string;
  /** Accept with 200, and send the answer's body a byte a second, without end. Webhooks only. */
  drip?: boolean;
  /** Refuse each recipient for now (451). The mail server only. */
  greylist?: boolean;
  /** Accept, and reset the connection instead of answering: the sender cannot know. */
  cut?: boolean;
  /** With `cut`: nothing was accepted. The sender cannot know that either. */
  lost?: boolean;
  /** Accept, and never answer. */
  hang?: boolean;
  /** For so many requests or mails, then as usual again. */
  times?: number;
}

/** A mail that people get. */
export interface ReceivedMail {
  via: 'smtp' | SinkMailService;
  envelope_to: string[];
  from: string;
  subject: string;
  /** Of a mail service: the key that the request bore. */
  message_id: string;
  text: string;
  html: string;
  /** It was accepted whichever it is; only with 2xx (250 of the mail server) does the sender know. */
  answered: number | 'cut' | 'hang';
  /** Raw header lines by lower-case name; of a mail service those of the request, without credentials. */
  headers: Record<string, string>;
}

/** A message that stands in a chat. */
export interface ReceivedChat {
  hook: string;
  text: string;
  blocks: SlackBlock[];
  /** It was posted whichever it is; only with 2xx does the sender know. */
  answered: number | 'cut' | 'hang';
  /** Unix time in ms, with fractions. */
  received_at_ms: number;
}

export interface ReceivedWebhook {
  /** Last segment of the path. */
  endpoint: string;
  headers: Record<string, string>;
  body: string;
  /** Accepted with a 2xx, `cut` and `hang`; not with any other status, nor when it was `lost`. */
  answered: number | 'cut' | 'hang' | 'lost';
  /** Unix time in ms, with fractions. */
  received_at_ms: number;
}
