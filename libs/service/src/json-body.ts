import { isUtf8 } from 'node:buffer';
import { Problem } from '@assay/contracts';
import type { FastifyInstance } from 'fastify';

/**
 * A request body, parsed once: `value` for judging it, `bytes` (UTF-8, without a byte order mark) for storing it as it
 * came. Declare a parameter as `@Body() body: JsonBody` to get both; with a DTO class instead, `value` is validated.
 */
export class JsonBody {
  constructor(
    readonly bytes: Buffer,
    readonly value: unknown,
  ) {}
}

/** Throws the problem that ING-10 names for a body that is not JSON in UTF-8. */
export function parseJsonBody(received: Buffer): JsonBody {
  const hasByteOrderMark = received[0] === 0xef && received[1] === 0xbb && received[2] === 0xbf;
  const bytes = hasByteOrderMark ? received.subarray(3) : received;
  if (!isUtf8(bytes)) throw new Problem('invalid_encoding');
  try {
    return new JsonBody(bytes, JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    // The parser's message quotes the body, which may hold anything: only the place is told.
    throw new Problem('malformed_json', { detail: placeOf(error), cause: error });
  }
}

function placeOf(error: unknown): string | undefined {
  // Told and never decided by (GEN-7): the parser says the place nowhere else.
  // eslint-disable-next-line no-restricted-syntax
  const [, position] = /at position (\d+)/.exec((error as Error).message) ?? [];
  return position === undefined ? undefined : `The text stops being JSON at character ${position}.`;
}

/** JSON alone is taken, and as bytes: Fastify's own parsers are removed. */
export function acceptJsonBodies(fastify: FastifyInstance, body_limit_bytes: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: body_limit_bytes },
    (request, body, done) => {
      try {
        refuseOtherCharsets(request.headers['content-type']);
        done(null, parseJsonBody(body as Buffer));
      } catch (problem) {
        // Told by the pipe, which runs after authentication and the rate limit: ING-3 judges the shape after those.
        done(null, problem);
      }
    },
  );
}

function refuseOtherCharsets(content_type: string | undefined): void {
  const [, charset] = /;\s*charset="?([^";\s]+)/i.exec(content_type ?? '') ?? [];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) throw new Problem('unsupported_media_type');
}
