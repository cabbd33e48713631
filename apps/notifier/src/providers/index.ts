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
export { createProviders } from './provider-registry.js';
export { Providers, PROVIDERS } from './providers.js';
export { readProvidersFile } from './providers-file.js';
export { PROVIDERS_FILE_SCHEMA } from './providers-file.schema.js';
export type { ProvidersConfig } from './providers-file.js';
