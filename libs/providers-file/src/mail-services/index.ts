import type { MailApiMapping } from '../mapping.js';
import { MAILGUN } from './mailgun.js';
import { POSTMARK } from './postmark.js';
import { RESEND } from './resend.js';
import { SENDGRID } from './sendgrid.js';

/** What `like` may name in the providers file. */
export const MAIL_SERVICES: Readonly<Record<string, { url: string; mapping: MailApiMapping }>> = {
  mailgun: { url: 'https://api.mailgun.net', mapping: MAILGUN },
  postmark: { url: 'https://api.postmarkapp.com', mapping: POSTMARK },
  resend: { url: 'https://api.resend.com', mapping: RESEND },
  sendgrid: { url: 'https://api.sendgrid.com', mapping: SENDGRID },
};
