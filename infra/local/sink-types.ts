export interface SinkPorts {
  smtp_port: number;
  webhook_port: number;
  control_port: number;
}

/** How the webhook receiver treats one endpoint's requests; it has read the whole body whichever it does. */
export interface Behaviour {
  /** Status of the answer; 204 where nothing is said. */
  answer?: number;
  /** Close the connection without an answer: the sender cannot know. */
  cut?: boolean;
  /** Never answer. */
  hang?: boolean;
  /** For so many requests, then 204 again. */
  times?: number;
}

export interface ReceivedMail {
  envelope_to: string[];
  from: string;
  subject: string;
  message_id: string;
  text: string;
  html: string;
  /** Raw header lines by lower-case name. */
  headers: Record<string, string>;
}

export interface ReceivedWebhook {
  /** Last segment of the path. */
  endpoint: string;
  headers: Record<string, string>;
  body: string;
  answered: number | 'cut' | 'hang';
  /** Unix time in ms, with fractions. */
  received_at_ms: number;
}
