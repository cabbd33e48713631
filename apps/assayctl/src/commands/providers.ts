import type { Command } from '../assayctl.js';

/** Loads what judges the file, which is more than the other commands need, only where it is asked for. */
export const providersCommand: Command = {
  usage: 'SUBCOMMAND FILE',
  summary:
    "Says what is wrong with the notifier's providers file, as its start would, or what it would do with it. Secrets are resolved here, unless --no-secrets says that this is not where the notifier runs.",
  subcommands: { check: '[--no-secrets] [--json]' },
  async run(args, terminal) {
    const { checkProviders } = await import('../providers/check-providers.js');
    return checkProviders(args, terminal);
  },
};
