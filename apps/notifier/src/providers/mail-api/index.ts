export { MailApiProvider } from './mail-api.provider.js';
export type { MailApiService } from './mail-api.settings.js';
export { PLACEHOLDERS, unknownPlaceholders } from './mapping.js';
export type { MailApiMapping } from './mapping.js';
export { MAIL_SERVICES } from './services/index.js';
