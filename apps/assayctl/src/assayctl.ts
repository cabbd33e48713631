import { compatibilityCommand } from './commands/compatibility.js';
import { reasonCodesCommand } from './commands/reason-codes.js';
import { validateCommand } from './commands/validate.js';
import { UsageError } from './terminal.js';
import type { Terminal } from './terminal.js';

export interface Command {
  /** Its arguments, as the usage shows them. */
  usage: string;
  summary: string;
  /** Returns the exit code; throws {@link UsageError} for wrong use. */
  run(args: string[], terminal: Terminal): number;
}

const COMMANDS: Record<string, Command> = {
  validate: validateCommand,
  'reason-codes': reasonCodesCommand,
  compatibility: compatibilityCommand,
};

/** The command line (VAL-13): exit code 0 for yes, 1 for no, 2 for wrong use. Needs no server. */
export function assayctl(args: readonly string[], terminal: Terminal): number {
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
    terminal.out(`usage: assayctl ${name} ${command.usage}\n${command.summary}\n`);
    return 0;
  }
  try {
    return command.run(rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.err(`assayctl: ${error.message}\nusage: assayctl ${name} ${command.usage}\n`);
    return 2;
  }
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { usage, summary }]) => `  ${name} ${usage}\n      ${summary}\n`);
  return `usage: assayctl COMMAND\n\n${lines.join('')}\nExit code: 0 accepted, 1 rejected, 2 wrong use.\n`;
}
