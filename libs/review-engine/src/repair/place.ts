import { Buffer } from 'node:buffer';
import { characters } from '../engine/text.js';

/** A place in a text: bytes of UTF-8 from its start, and line and column from 1, columns in characters. */
export interface Place {
  offset: number;
  line: number;
  column: number;
}

export function placeOf(text: string, at: number): Place {
  const before = text.slice(0, at);
  const lines = before.split(/\r\n|\n|\r/);
  const offset = Buffer.byteLength(before);
  return { offset, line: lines.length, column: characters(lines.at(-1)!) + 1 };
}

/** Byte offsets of places asked for in rising order: a text is measured once, however many there are. */
export class ByteOffsets {
  private at = 0;
  private bytes = 0;

  constructor(private readonly text: string) {}

  of(at: number): number {
    this.bytes += Buffer.byteLength(this.text.slice(this.at, at));
    this.at = at;
    return this.bytes;
  }
}
