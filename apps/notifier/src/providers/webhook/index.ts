export { WebhookProvider } from './webhook.provider.js';
