import type { Terminal } from '../terminal.js';
import type { Page } from './answers.js';
import type { ApiClient } from './api-client.js';

/** As many items as a page may hold. */
export const LARGEST_PAGE = '200';

export interface List {
  path: string;
  query: Record<string, string | undefined>;
  /** What is listed, in the plural. */
  what: string;
}

/** All pages, with a word about progress on standard error: a large list takes its time. */
export async function everyPage<T>(api: ApiClient, list: List, terminal: Terminal): Promise<Page<T>> {
  const items: T[] = [];
  let cursor = list.query['cursor'];
  for (;;) {
    const page = await api.get<Page<T>>(list.path, { ...list.query, limit: LARGEST_PAGE, cursor });
    items.push(...page.items);
    if (page.next_cursor === null) return { items, next_cursor: null };
    terminal.err(`${items.length} ${list.what} …\n`);
    cursor = page.next_cursor;
  }
}
