export { signingKey } from './standard-webhooks.js';
export { WebhookProvider } from './webhook.provider.js';
export type { WebhookEndpoint } from './webhook.settings.js';
