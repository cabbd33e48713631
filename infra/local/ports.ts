import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere): one of those may be
 * taken between the moment it was found free and the start of the server it was found for.
 */
const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES = 1_000;

function listenOn(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const close = (server: Server): Promise<void> => new Promise((closed) => server.close(() => closed()));

/** Ports that nothing listens on, drawn at random. All are held until all are known, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  for (let tries = 0; held.size < count; tries += 1) {
    if (tries >= TRIES) throw new Error(`found no ${count} free ports from ${LOWEST} to ${HIGHEST}`);
    const port = randomInt(LOWEST, HIGHEST);
    const server = held.has(port) ? null : await listenOn(port);
    if (server) held.set(port, server);
  }
  await Promise.all([...held.values()].map(close));
  return [...held.keys()];
}

/** True when a server could listen there now. */
export async function portIsFree(port: number): Promise<boolean> {
  const server = await listenOn(port);
  if (server) await close(server);
  return server !== null;
}
