import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Secret } from '../secret.js';
import { VaultFault } from './vault-fault.js';
import { VaultHttp } from './vault-http.js';

const token = new Secret('tangerine');
const servers: Server[] = [];
const clients: VaultHttp[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

/** What answers in place of a vault, as no vault does. */
async function at(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(address: string, more: { namespace?: string; ca_file?: string } = {}): VaultHttp {
  const client = new VaultHttp({ address, namespace: null, ca_file: null, ...more });
  clients.push(client);
  return client;
}

async function faultOf(client: VaultHttp): Promise<VaultFault> {
  const fault = await client.request('GET', 'app/data/x', { token }).catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(VaultFault);
  expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain('tangerine');
  return fault as VaultFault;
}

describe('a request to a vault', () => {
  it('sends token and namespace, and says that no browser was tricked into it', async () => {
    let headers: IncomingHttpHeaders = {};
    const address = await at((incoming, answer) => {
      headers = incoming.headers;
      answer.end('{"data": {"data": {}}}');
    });
    const { status, body } = await clientOf(address, { namespace: 'team-a' }).request('GET', 'app/data/x', { token });
    expect([status, body]).toEqual([200, { data: { data: {} } }]);
    expect(headers).toMatchObject({
      ...{ 'x-vault-token': 'tangerine', 'x-vault-namespace': 'team-a', 'x-vault-request': 'true' },
    });
  });

  it('follows no redirect, so that the token goes nowhere else', async () => {
    const followed: IncomingHttpHeaders[] = [];
    const other = await at((incoming, answer) => {
      followed.push(incoming.headers);
      answer.end('{}');
    });
    const address = await at((incoming, answer) => {
      answer.writeHead(307, { location: `${other}${incoming.url}?secret=pear` }).end();
    });
    const fault = await faultOf(clientOf(address));
    expect(fault.message).toContain(`redirects to ${new URL(other).host} (307), which is not followed`);
    expect(fault.message).not.toContain('pear');
    expect(followed).toEqual([]);
  });

  it('reads an answer to a limit, and no further', async () => {
    let sent = 0;
    const address = await at((_incoming, answer) => {
      const more = (): void => {
        while (!answer.destroyed && answer.write('x'.repeat(65_536))) sent += 65_536;
        answer.once('drain', more);
      };
      more();
    });
    const fault = await faultOf(clientOf(address));
    expect(fault.message).toMatch(/cannot be reached \(UND_ERR_RES_EXCEEDED_MAX_SIZE\)$/);
    expect(sent).toBeLessThan(16 * 1024 * 1024);
  });

  it('waits for an answer for 5 s, and no longer', async () => {
    const address = await at(() => undefined);
    const begun_ms = performance.now();
    const fault = await faultOf(clientOf(address));
    expect([fault.kind, fault.message]).toEqual(['away', expect.stringMatching(/cannot be reached \(TimeoutError\)$/)]);
    expect(performance.now() - begun_ms).toBeLessThan(15_000);
  });

  it.each([
    ['no JSON', 200, '<html>tangerine</html>', /is no vault: it does not answer in JSON$/],
    ['a fault of its own', 500, '{"errors": ["tangerine"]}', /answers 500$/],
    ['that it is not ready, and not that it is sealed', 503, '{"sealed": false}', /answers 503$/],
    ['that there are too many requests', 429, '{}', /answers 429$/],
  ])('takes a vault for away that answers %s', async (_what, status, text, message) => {
    const address = await at((_incoming, answer) => answer.writeHead(status).end(text));
    const fault = await faultOf(clientOf(address));
    expect([fault.kind, fault.passing]).toEqual(['away', true]);
    expect(fault.message).toMatch(message);
  });

  it('names the file of authorities that cannot be read', async () => {
    const fault = await faultOf(clientOf('https://127.0.0.1:1', { ca_file: '/nowhere/ca.pem' }));
    expect(fault.message).toBe('ASSAY_VAULT_CA_FILE: /nowhere/ca.pem cannot be read (ENOENT)');
  });
});
