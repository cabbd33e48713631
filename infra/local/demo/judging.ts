import { bold, clip, dim, green, heading, note, red, say, table, yellow } from '../terminal.js';
import { type Diagnostic, expectStatus, type Finding } from './client.js';
import { follow } from './following.js';
import type { Scene } from './scene.js';

const SHOWN_FINDINGS = 8;
const KINDS: Record<string, (text: string | number) => string> = {
  drop: red,
  coercion: green,
  repair: green,
  warning: yellow,
};

interface FindingsPage {
  findings: Finding[];
  diagnostics: Diagnostic[];
}

/** `line "118" → 118`, `severity "blocker"`. */
function exampleOf({ field, finding_id, from, to }: Diagnostic): string {
  const old = from === null ? '' : ` ${JSON.stringify(from)}`;
  const became = to === null ? '' : ` → ${JSON.stringify(to)}`;
  return clip(`${finding_id ?? ''} ${field ?? ''}${old}${became}`.trim(), 60);
}

export function printDiagnostics(diagnostics: readonly Diagnostic[]): void {
  const byCode = new Map<string, Diagnostic[]>();
  for (const each of diagnostics) byCode.set(each.code, [...(byCode.get(each.code) ?? []), each]);
  const rows = [...byCode].sort(([, a], [, b]) => a[0]!.kind.localeCompare(b[0]!.kind) || b.length - a.length);
  table([
    ['reason code', 'kind', 'n', 'for instance'],
    ...rows.map(([code, [first, ...rest]]) => {
      const { kind } = first!;
      return [code, (KINDS[kind] ?? String)(kind), String(rest.length + 1), dim(exampleOf(first!))];
    }),
  ]);
}

/** Act 2: the job's way, what was kept of the findings, and why the rest was not. */
export async function judging(scene: Scene, job_id: string): Promise<void> {
  heading('2  It is judged, finding by finding');
  const job = await follow(scene, job_id);
  const path = `/v1/reviews/${job_id}/findings`;
  const { diagnostics, findings } = expectStatus(await scene.findings.get<FindingsPage>(path), 200, path);
  const { coerced = 0, dropped = 0, kept = 0, submitted = 0 } = job.counts ?? {};
  say();
  say(`  ${bold(kept)} of ${submitted} findings kept, ${coerced} of them coerced; ${bold(dropped)} dropped`);
  say();
  table([
    ['finding', 'severity', 'where', 'title'],
    ...findings.slice(0, SHOWN_FINDINGS).map(({ file, id, line, severity, title }) => {
      return [id, severity, `${file}:${line}`, clip(title, 48)];
    }),
  ]);
  note(`… and ${findings.length - SHOWN_FINDINGS} more`);
  say();
  printDiagnostics(diagnostics);
}
