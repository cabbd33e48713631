export interface Packed {
  packed: Buffer;
  /** 1-based, as SQL's `substring` counts. */
  offsets: number[];
  lengths: number[];
}

/**
 * Large values as one `bytea` parameter which the statement cuts:
 * `substring($1::bytea FROM u.o FOR u.l) … FROM unnest($2::int[], $3::int[]) AS u(o, l)`.
 *
 * Not `unnest($1::bytea[])`: pg escapes each array element with regular expressions, which took 13 % of the
 * validator's time and a quarter more in garbage with 7 KB bodies (docs/adr/0003-bodies.md).
 */
export function packBodies(bodies: readonly Buffer[]): Packed {
  const offsets: number[] = [];
  const lengths: number[] = [];
  let offset = 1;
  for (const body of bodies) {
    offsets.push(offset);
    lengths.push(body.length);
    offset += body.length;
  }
  return { packed: bodies.length === 1 ? bodies[0]! : Buffer.concat(bodies as Buffer[]), offsets, lengths };
}
