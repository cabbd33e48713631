// The first step of every local command, in plain JavaScript because a fresh clone has nothing else: the dependencies
// of the lock file, the build, and then the command itself: `node infra/local/bootstrap.mjs demo --keep`. What ends a stack
// needs no newer build than the one that runs, whose files stay as they are until it has ended.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './set-up.mjs';

const [command, ...rest] = process.argv.slice(2);
const built = join(root, 'dist', 'infra', 'local', `${command}.js`);
if (command !== 'stack-down' || !existsSync(built)) await npm('build', ['run', '--silent', 'build']);
const { main } = await import(built);
await main(rest);
