#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { assayctl } from './assayctl.js';
import { runProgram } from './run-program.js';

// A reader that has seen enough (`| head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// Not 1, which says "rejected", nor 2, which says that the caller is wrong.
process.on('uncaughtException', (error) => {
  process.stderr.write(`assayctl failed, which is a fault of its own: ${error.stack ?? error.message}\n`);
  process.exitCode = 70;
});

process.exitCode = await assayctl(process.argv.slice(2), {
  read: (file) => readFileSync(file === '-' ? 0 : file),
  run: (program, args) => runProgram(process.cwd(), program, args),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  colour: process.stdout.isTTY === true && !process.env['NO_COLOR'],
  columns: process.stdout.columns ?? 100,
});
