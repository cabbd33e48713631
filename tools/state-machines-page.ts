import { DEAD_LETTER_MOVES } from '../apps/dead-letter/src/letters/dead-letter-machine.js';
import { ITEM_MOVES, PLAN_MOVES } from '../apps/dead-letter/src/replay/replay-machines.js';
import { JOB_MOVES } from '../apps/ingest/src/progress/job-machine.js';
import { DELIVERY_MOVES } from '../apps/notifier/src/delivery/delivery-states.js';
import type { Page } from './pages.js';
import { diagram, movesOf } from './state-diagrams.js';

export const stateMachinesPage: Page = {
  path: 'docs/state-machines.md',
  build: () =>
    [
      '# State machines',
      'Made by `npm run generate` from the tables of moves that the services themselves obey (GEN-1). What each state means stands in [spec.md](spec.md): jobs under ING-9, deliveries under DEL-2, dead letters under DLQ-5, replay plans and their items under DLQ-8 to DLQ-10.',
      '## Job (ingest)',
      diagram(movesOf(JOB_MOVES, 'queued')),
      '## Delivery (notifier)',
      diagram(DELIVERY_MOVES),
      '## Dead letter (dead-letter)',
      diagram(movesOf(DEAD_LETTER_MOVES, 'open')),
      '## Replay plan (dead-letter)',
      diagram(movesOf(PLAN_MOVES, 'frozen')),
      '## Item of a replay plan (dead-letter)',
      diagram([{ from: null, to: 'excluded' }, ...movesOf(ITEM_MOVES, 'pending')]),
      '',
    ].join('\n\n'),
};
