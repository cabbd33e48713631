export { MailApiProvider } from './mail-api.provider.js';
