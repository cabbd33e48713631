import type { FastifyInstance } from 'fastify';

/** The routes of a service, to tell "no such thing" (404) from "not with this method" (405, which Fastify lacks). */
export class KnownRoutes {
  readonly #methods = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', ({ url, method }) => {
      const known = this.#methods.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const one of [method].flat()) known.methods.add(one);
      this.#methods.set(url, known);
    });
  }

  /** Methods that the path takes; empty where there is no such path. */
  methodsOf(path: string): string[] {
    const found = new Set<string>();
    for (const { pattern, methods } of this.#methods.values()) {
      if (pattern.test(path)) for (const method of methods) found.add(method);
    }
    return [...found].sort();
  }
}

function patternOf(url: string): RegExp {
  const literal = url
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${literal}/?$`);
}
