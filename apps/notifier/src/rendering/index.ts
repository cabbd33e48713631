export { paragraph } from './escape.js';
export { renderMail } from './mail-message.js';
export type { MailPayload } from './mail-message.js';
export type { Payload } from './payload.js';
export { inReadingOrder, RENDER_VERSION, renderingInput, SEVERITIES } from './rendering-input.js';
export type { RenderingInput, ReviewLinks } from './rendering-input.js';
export { renderWebhook, WEBHOOK_EVENT_TYPE } from './webhook-message.js';
export type { WebhookPayload } from './webhook-message.js';
