const LINE_FEED = 0x0a;

/**
 * The lines of a stream of bytes, without their line feeds, as many at a time as a chunk ends. What comes after the last
 * line feed is a line too, unless it is empty.
 *
 * @param limit_bytes Of a line: one that is longer ends the stream with what has come of it, so that it takes no memory.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, limit_bytes: number): AsyncGenerator<Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk]);
    const lines: Buffer[] = [];
    let begin = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, begin)) {
      lines.push(bytes.subarray(begin, end));
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    if (lines.length > 0) yield lines;
    if (rest.length > limit_bytes) break;
  }
  if (rest.length > 0) yield [rest];
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
