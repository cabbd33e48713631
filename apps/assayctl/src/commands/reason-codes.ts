import { reasonCodesDocument } from '@assay/review-engine';
import type { Command } from '../assayctl.js';
import { readArguments } from '../inputs.js';
import { painter, table, UsageError } from '../terminal.js';

/** The catalogue (VAL-9): as `GET /v1/reason-codes` answers it, or as a table. */
export const reasonCodesCommand: Command = {
  usage: '[CODE] [--json]',
  summary: 'Lists the reason codes with their meaning and remedy, or explains one.',
  run(args, terminal) {
    const { positionals, values } = readArguments(args, { json: { type: 'boolean' } }, [0, 1]);
    const { version, codes } = reasonCodesDocument();
    const [wanted] = positionals;
    const shown = wanted === undefined ? codes : codes.filter(({ code }) => code === wanted);
    if (shown.length === 0) throw new UsageError(`there is no reason code ${JSON.stringify(wanted)}`);
    if (values['json']) {
      terminal.out(`${JSON.stringify({ version, codes: shown }, null, 2)}\n`);
    } else if (wanted === undefined) {
      const rows = shown.map(({ code, kinds, meaning }) => [code, kinds.join(', '), meaning]);
      terminal.out(table(['code', 'kind', 'meaning'], rows, { columns: terminal.columns, paint: painter(terminal) }));
    } else {
      const { code, kinds, meaning, example, remedy, since } = shown[0]!;
      const rows = Object.entries({ kind: kinds.join(', '), meaning, in: example.in, out: example.out, remedy, since });
      terminal.out(table([code, ''], rows, { columns: terminal.columns, paint: painter(terminal) }));
    }
    return 0;
  },
};
