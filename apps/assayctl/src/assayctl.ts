import { auditCommand } from './commands/audit.js';
import { compatibilityCommand } from './commands/compatibility.js';
import { completionCommand } from './commands/completion.js';
import { deadLettersCommand, deliveriesCommand, replayCommand } from './commands/operator-commands.js';
import { providersCommand } from './commands/providers.js';
import { reasonCodesCommand } from './commands/reason-codes.js';
import { validateCommand } from './commands/validate.js';
import { UsageError } from './terminal.js';
import type { Terminal } from './terminal.js';

export interface Command {
  /** Its arguments, as the usage shows them. */
  usage: string;
  summary: string;
  /** The arguments of its subcommands, where it has any. */
  subcommands?: Readonly<Record<string, string>>;
  /** Returns the exit code; throws {@link UsageError} for wrong use. */
  run(args: string[], terminal: Terminal): number | Promise<number>;
}

const COMMANDS: Record<string, Command> = {
  validate: validateCommand,
  'reason-codes': reasonCodesCommand,
  compatibility: compatibilityCommand,
  'dead-letters': deadLettersCommand,
  replay: replayCommand,
  deliveries: deliveriesCommand,
  providers: providersCommand,
  audit: auditCommand,
  completion: completionCommand(() => COMMANDS),
};

/**
 * The command line (VAL-13, DLQ-14): exit code 0 for yes or done, 1 for no or refused, 2 for wrong use. Only what asks
 * a service is asynchronous.
 */
export function assayctl(args: readonly string[], terminal: Terminal): number | Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    (name === undefined ? terminal.err : terminal.out)(usage());
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    terminal.err(`assayctl: there is no command ${JSON.stringify(name)}\n\n${usage()}`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    terminal.out(`usage: ${usageOf(name, command)}${command.summary}\n`);
    return 0;
  }
  const wrongUse = (error: unknown): number => {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(`assayctl: ${error.message}\nusage: ${usageOf(name, command)}`);
    return 2;
  };
  try {
    const code = command.run(rest, terminal);
    return typeof code === 'number' ? code : code.catch(wrongUse);
  } catch (error) {
    return wrongUse(error);
  }
}

function usageOf(name: string, { usage, subcommands = {} }: Command): string {
  const lines = Object.entries(subcommands).map(([sub, text]) => `  ${name} ${sub} ${text}\n`);
  return `assayctl ${name} ${usage}\n${lines.join('')}`;
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { usage, summary }]) => `  ${name} ${usage}\n      ${summary}\n`);
  return `usage: assayctl COMMAND\n\n${lines.join('')}\nExit code: 0 yes or done, 1 no or refused, 2 wrong use.\n`;
}
