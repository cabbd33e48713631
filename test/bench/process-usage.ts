import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_S = Number(execFileSync('getconf', ['CLK_TCK']).toString());

function stat(pid: number): { parent: number; cpu_s: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold spaces: the numbers begin after it.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + (fields[index] ?? 0), 0);
    return { parent: fields[1] ?? 0, cpu_s: ticks / CLOCK_TICKS_PER_S };
  } catch {
    return null;
  }
}

/** CPU seconds (user and system) of a process and of all its children, ended ones included. Linux. */
export function cpuSeconds(pid: number): number {
  let total = stat(pid)?.cpu_s ?? 0;
  for (const entry of readdirSync('/proc')) {
    const child = /^\d+$/.test(entry) ? stat(Number(entry)) : null;
    if (child?.parent === pid) total += child.cpu_s;
  }
  return total;
}

/** Milliseconds for which a process's main thread was ready and no processor was free. */
export function waitedForCpuMs(pid: number): number {
  const [, waited_ns] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return Number(waited_ns) / 1e6;
}

/** Resident memory in MiB. */
export function residentMib(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1024);
}
