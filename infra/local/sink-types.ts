export interface SinkPorts {
  smtp_port: number;
  webhook_port: number;
  control_port: number;
}

/** What the sinks are started with. */
export interface SinkOptions extends SinkPorts {
  /** So many mails and so many webhooks are kept, the newest; 5,000 where nothing is said. */
  kept?: number;
}

/** The name under which the mail server, too, can be made to misbehave; the others are webhook endpoints. */
export const MAIL_SERVER = 'smtp';

/**
 * How the webhook receiver treats one endpoint's requests, or the mail server its mails. It has read the whole body, or
 * the mail to its final dot, whichever it does.
 */
export interface Behaviour {
  /** Status of the answer; 204 where nothing is said. Webhooks only. */
  answer?: number;
  /** Of the answer, by name. Webhooks only. */
  headers?: Record<string, string>;
  /** Only requests whose body holds this; the others are answered as usual. Webhooks only. */
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

export interface ReceivedMail {
  envelope_to: string[];
  from: string;
  subject: string;
  message_id: string;
  text: string;
  html: string;
  /** The server has accepted it whichever it is; only with `250` does the sender know. */
  answered: 250 | 'cut' | 'hang';
  /** Raw header lines by lower-case name. */
  headers: Record<string, string>;
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
