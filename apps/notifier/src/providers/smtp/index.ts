export { SmtpProvider } from './smtp.provider.js';
export type { SmtpSettings } from './smtp.settings.js';
