import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { privateAuthority } from '../../../infra/local/certificates.js';

/** What a cluster's API says of the tokens of one service account: its TokenReview, and nothing else. */
export interface TokenReviews {
  /** `https://127.0.0.1:port` */
  readonly url: string;
  readonly ca: string;
  /** How many tokens were asked about. */
  readonly asked: number;
  /** A token as the kubelet projects it, of the account `assay/ingest`; those given before stay good. */
  issue(audience: string): string;
  /** From now on no token but the newest is good. */
  expireOlder(): void;
  close(): Promise<void>;
}

const ACCOUNT = { namespace: 'assay', name: 'ingest', uid: randomUUID() };

export async function startTokenReviews(): Promise<TokenReviews> {
  const authority = privateAuthority();
  const good = new Map<string, string>();
  let asked = 0;
  const server = createServer(authority.issue('kubernetes'), (incoming, answer) => {
    asked += 1;
    void answerReview(good, incoming, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.ca,
    get asked() {
      return asked;
    },
    issue: (audience) => {
      const token = projectedToken(audience);
      good.set(token, audience);
      return token;
    },
    expireOlder: () => {
      for (const token of [...good.keys()].slice(0, -1)) good.delete(token);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Its signature is the reviewer's business, which here is a list. */
function projectedToken(audience: string): string {
  const now_s = Math.floor(Date.now() / 1_000);
  const { namespace, name, uid } = ACCOUNT;
  const claims = {
    ...{ aud: [audience], exp: now_s + 3_600, iat: now_s, nbf: now_s, jti: randomUUID() },
    ...{ iss: 'https://kubernetes.default.svc', sub: `system:serviceaccount:${namespace}:${name}` },
    'kubernetes.io': { namespace, serviceaccount: { name, uid } },
  };
  const part = (value: object | string) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return [part({ alg: 'RS256', kid: 'test' }), part(claims), part(randomUUID())].join('.');
}

async function answerReview(
  good: ReadonlyMap<string, string>,
  incoming: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { spec } = JSON.parse(Buffer.concat(chunks).toString()) as { spec: { token: string } };
  const audience = good.get(spec.token);
  const { namespace, name, uid } = ACCOUNT;
  const user = { username: `system:serviceaccount:${namespace}:${name}`, uid };
  const groups = ['system:serviceaccounts', 'system:authenticated'];
  const status =
    audience === undefined
      ? { authenticated: false, error: 'token has expired' }
      : { authenticated: true, user: { ...user, groups }, audiences: [audience] };
  answer.writeHead(201, { 'content-type': 'application/json' });
  answer.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status }));
}
