// The first step of every local command, in plain JavaScript because a fresh clone has nothing else: the dependencies
// of the lock file, the build, and then the command itself: `node infra/local/bootstrap.mjs demo --keep`.
import { join } from 'node:path';
import { npm, root } from './set-up.mjs';

const [command, ...rest] = process.argv.slice(2);
await npm('build', ['run', '--silent', 'build']);
const { main } = await import(join(root, 'dist', 'infra', 'local', `${command}.js`));
await main(rest);
