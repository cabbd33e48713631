import { Problem, readJsonText } from '@assay/contracts';
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

/** JSON alone is taken, and as bytes: Fastify's own parsers are removed. */
export function acceptJsonBodies(fastify: FastifyInstance, body_limit_bytes: number): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: body_limit_bytes },
    (request, body, done) => {
      try {
        refuseOtherCharsets(request.headers['content-type']);
        const { bytes, value } = readJsonText(body as Buffer);
        done(null, new JsonBody(bytes, value));
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
