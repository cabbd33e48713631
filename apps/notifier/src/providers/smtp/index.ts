export { isMailAddress } from './mail-address.js';
export { SmtpProvider } from './smtp.provider.js';
export type { SmtpSettings } from './smtp.settings.js';
