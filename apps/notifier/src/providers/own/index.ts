export { loadOwnProvider } from './load-own.js';
export type { OwnProviderSettings } from './own.settings.js';
