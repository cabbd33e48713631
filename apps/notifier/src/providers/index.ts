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
export { createProviders, createProviderSet, digestOf, providersFileOf } from './provider-registry.js';
export type { ProvidersFileAt } from './provider-registry.js';
export { ProviderSet } from './provider-set.js';
export { Providers, PROVIDERS } from './providers.js';
