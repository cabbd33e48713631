export { behindDestination } from './behind-destination.js';
export type { BehindDestination } from './behind-destination.js';
export type {
  Capabilities,
  Classification,
  Destination,
  Provider,
  Receipt,
  ReceiverAnswer,
  SendRequest,
} from './provider.js';
export { createProviders, PROVIDERS } from './provider-registry.js';
export type { Providers } from './provider-registry.js';
export { readProvidersFile } from './providers-file.js';
export type { ProvidersConfig } from './providers-file.js';
