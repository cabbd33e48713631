import { Problem } from '@assay/contracts';

type Colour = 'red' | 'green';

/** A thing. */
interface Thing {
  /** Who made it. */
  maker: string;
  made_at: string | null;
  colour: Colour | null;
  count?: number;
  parts: readonly Thing[];
  by_colour: Partial<Record<Colour, number>>;
  raw: string | number | boolean | null;
  labels: Record<string, string[]>;
}

/** What `openapi.spec.ts` reads; nothing runs it. */
export class Example {
  constructor(private readonly store: Store) {}

  get(id: string) {
    return { ...this.store.find(id), note: 'made here' as const };
  }

  list(cursors: string[]): (Thing & { rank: number })[] {
    return cursors.map(refuseOdd).map(() => ({ ...this.store.find(''), rank: 1 }));
  }
}

class Store {
  find(id: string): Thing {
    const code = id === 'old' ? 'stale_review_version' : 'rerun_required';
    if (id.startsWith('o')) throw new Problem(code, { headers: { location: '/' }, extensions: { job_id: id } });
    throw new Problem('not_found');
  }
}

function refuseOdd(cursor: string): string {
  if (cursor.length % 2 === 1) throw new Problem('invalid_request');
  return cursor;
}
