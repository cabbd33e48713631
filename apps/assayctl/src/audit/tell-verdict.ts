import type { AuditVerdict } from '@assay/audit-log';
import { painter, printable } from '../terminal.js';
import type { Terminal } from '../terminal.js';

interface Telling {
  json: boolean;
  terminal: Terminal;
}

export function tellVerdict(
  { checkpoint, entries, faults, first_bad_index }: AuditVerdict,
  { json, terminal }: Telling,
): void {
  const holds = first_bad_index === null;
  const { origin, size } = checkpoint;
  const root = checkpoint.root.toString('base64');
  if (json) {
    terminal.out(`${JSON.stringify({ holds, origin, size, root, entries, first_bad_index, faults }, null, 2)}\n`);
    return;
  }
  const paint = painter(terminal);
  const head = holds
    ? paint('green', 'holds')
    : `${paint('red', 'does not hold')}  first bad entry: ${first_bad_index}`;
  const about = `${size} entries of ${printable(origin)} under the root ${root}`;
  const told = faults.map(({ code, index, before, detail }) => {
    const place = before === index + 1 ? `entry ${index}` : `an entry from ${index} to ${before - 1}`;
    return `  ${code}: ${place}: ${printable(detail)}\n`;
  });
  terminal.out(`${head}\n${about}\n${told.join('')}`);
}

export function tellProof(holds: boolean, { json, terminal }: Telling): void {
  terminal.out(json ? `${JSON.stringify({ holds })}\n` : `${holds ? 'holds' : 'does not hold'}\n`);
}
