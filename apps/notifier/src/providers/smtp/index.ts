export { SmtpProvider } from './smtp.provider.js';
