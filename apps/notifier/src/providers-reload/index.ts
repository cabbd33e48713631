export { ProvidersReload, PROVIDERS_RELOAD } from './providers-reload.js';
export type { ProvidersReloadOptions } from './providers-reload.js';
