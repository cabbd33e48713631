import { escapeLiteral } from 'pg';
import type { Database, Statement, Tx } from '@assay/postgres';

/** A step of a plan, without its place in the tree. */
export interface PlanNode {
  /** As Postgres names it: `Index Scan`, `Sort`. */
  type: string;
  /** The table that it scans. */
  relation: string | null;
  index: string | null;
  /** The condition by which it enters its index; null where it reads that from end to end, or none. */
  index_condition: string | null;
  /** What is left to compare of each pair of a join. */
  join_filter: string | null;
  /** How often it ran; 0 where the statement was not run. */
  loops: number;
  /** Rows of its relation that it looked at in all of its loops: those that it gave and those that it dropped. */
  rows_read: number;
  /** Blocks that it and what stands below it touched, in memory or on disk; 0 where the statement was not run. */
  blocks: number;
}

interface Explained {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Join Filter'?: string;
  'Actual Loops'?: number;
  'Actual Rows'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: Explained[];
}

/**
 * The steps of a statement's plan on the service's own connection: of a prepared statement the plan that is kept,
 * whatever its parameters; of a text the one that is made for these. With `params` the statement is run, and what it
 * writes is rolled back; without, it is planned alone.
 *
 * Say of a plan what the rule says, such as how many rows it may read: which of two indexes is chosen may depend on the
 * sample that the statistics were drawn from.
 */
export async function explain(
  database: Database,
  sql: Statement | string,
  params?: readonly unknown[],
): Promise<PlanNode[]> {
  const rolled_back = new Error('rolled back');
  let nodes: PlanNode[] = [];
  const work = database.transaction(async (tx) => {
    nodes = nodesOf(await planOf(tx, sql, params));
    throw rolled_back;
  });
  await work.catch((error: unknown) => {
    if (error !== rolled_back) throw error;
  });
  return nodes;
}

/** Rows that a plan looked at: of one table, or of all. */
export function rowsRead(nodes: readonly PlanNode[], relation?: string): number {
  const scans = nodes.filter((node) => relation === undefined || node.relation === relation);
  return scans.reduce((sum, { rows_read }) => sum + rows_read, 0);
}

/**
 * Blocks that a plan touched, dead rows included, which {@link rowsRead} does not count: they are what a claim pays for
 * while nothing can be cleared away.
 */
export function blocksTouched(nodes: readonly PlanNode[]): number {
  return nodes[0]?.blocks ?? 0;
}

/** Each index that a plan uses, once, in the order of their names. */
export function indexesOf(nodes: readonly PlanNode[]): string[] {
  return [...new Set(nodes.flatMap(({ index }) => index ?? []))].sort();
}

/** Scans that read a table, or an index of it, from end to end. */
export function wholeScans(nodes: readonly PlanNode[]): PlanNode[] {
  return nodes.filter(({ type, index, index_condition }) =>
    index === null ? type === 'Seq Scan' : index_condition === null,
  );
}

let prepared = 0;

async function planOf(tx: Tx, sql: Statement | string, params?: readonly unknown[]): Promise<Explained> {
  const text = typeof sql === 'string' ? sql : sql.text;
  const explained = async (explaining: string, bound: readonly unknown[] = []) => {
    const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: Explained }] }>(explaining, bound);
    return row!['QUERY PLAN'][0].Plan;
  };
  if (params === undefined) return explained(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
  const run = 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)';
  if (typeof sql === 'string') return explained(`${run} ${text}`, params);
  await tx.execute('SET LOCAL plan_cache_mode = force_generic_plan');
  // A name of its own each time: it outlives the transaction.
  const name = `explained_${(prepared += 1)}`;
  await tx.execute(`PREPARE ${name} AS ${text}`);
  return explained(`${run} EXECUTE ${name}(${params.map(literal).join(', ')})`);
}

function nodesOf(node: Explained): PlanNode[] {
  const loops = node['Actual Loops'] ?? 0;
  // What writes a table names it, too, and reads nothing of it.
  const relation = node['Node Type'].endsWith('Scan') ? (node['Relation Name'] ?? null) : null;
  const seen = ['Actual Rows', 'Rows Removed by Filter', 'Rows Removed by Index Recheck'] as const;
  const a_loop = seen.reduce((sum, key) => sum + (node[key] ?? 0), 0);
  const own = {
    type: node['Node Type'],
    relation,
    index: node['Index Name'] ?? null,
    index_condition: node['Index Cond'] ?? null,
    join_filter: node['Join Filter'] ?? null,
    loops,
    rows_read: relation === null ? 0 : Math.round(a_loop * loops),
    blocks: (node['Shared Hit Blocks'] ?? 0) + (node['Shared Read Blocks'] ?? 0),
  };
  return [own, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  return escapeLiteral(
    Array.isArray(value)
      ? `{${value.map((each) => (typeof each === 'number' ? String(each) : JSON.stringify(each))).join(',')}}`
      : String(value),
  );
}
