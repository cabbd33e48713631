export { isForbiddenAddress } from './forbidden-address.js';
export { signingKey } from './standard-webhooks.js';
export { WebhookProvider } from './webhook.provider.js';
export type { WebhookEndpoint } from './webhook.settings.js';
