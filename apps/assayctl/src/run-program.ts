import { spawnSync } from 'node:child_process';
import type { Ran } from './terminal.js';

/** 20,000 names of 1,024 bytes, and some more to say that it is too many. */
const MOST_BYTES_TOLD = 64 * 1024 * 1024;

/** Runs a program in a directory, to its end. */
export function runProgram(directory: string, program: string, args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: directory, maxBuffer: MOST_BYTES_TOLD });
  if (error === undefined) return { status, stdout, stderr: stderr.toString('utf8') };
  const { code, message } = error as NodeJS.ErrnoException;
  return { status, stdout: Buffer.alloc(0), stderr: '', error: code ?? message };
}
