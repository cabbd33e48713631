import type { Channel } from '@assay/contracts';

/** A provider of the installation's own, as the providers file names it. */
export interface OwnProviderSettings {
  channel: Channel;
  /** Absolute path of an ES module. */
  module: string;
  settings: unknown;
}
