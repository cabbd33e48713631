import { runAnswersBench } from './answers.js';
import { runEngineBench } from './engine.js';
import { runPipelineBench } from './pipeline.js';
import { runQueueBench } from './queue/queue.js';

const BENCHES: Record<string, (args: readonly string[]) => Promise<void>> = {
  answers: runAnswersBench,
  engine: runEngineBench,
  pipeline: runPipelineBench,
  queue: runQueueBench,
};

/** `npm run bench -- NAME [--json]`, and `pipeline [--explain] [--secure]`. */
export async function main([name, ...args]: string[]): Promise<void> {
  const bench = BENCHES[name ?? ''];
  if (bench) return bench(args);
  console.error(
    `usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')} [--json], pipeline [--explain] [--secure]`,
  );
  process.exitCode = 2;
}
