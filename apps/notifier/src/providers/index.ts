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
