import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OAuth2Server } from 'oauth2-mock-server';
import type { Certificate } from '../../../infra/local/certificates.js';

/** An issuer of access tokens by client credentials; the subject is the client's id. */
export interface TokenIssuer {
  /** `http://127.0.0.1:port`, which is also the tokens' `iss`. */
  readonly url: string;
  /** Of each token given from now on. */
  life_s: number;
  audience: string;
  /** What to answer in place of a token. */
  refusal: { status: number; error: string } | null;
  /** How many tokens were given. */
  readonly given: number;
  /** What the clients sent as `Authorization`, oldest first. */
  readonly authorizations: readonly string[];
  close(): Promise<void>;
}

/** @param tls for an issuer at `https`; without it the port is plain */
export async function startTokenIssuer(port = 0, tls?: Certificate): Promise<TokenIssuer> {
  const server = await mockServer(tls);
  await server.issuer.keys.generate('RS256');
  await server.start(port, '127.0.0.1');
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  server.issuer.url = url;
  return obeying(server, url);
}

async function mockServer(tls: Certificate | undefined): Promise<OAuth2Server> {
  // Loaded where it is used alone: it brings a whole web framework with it.
  const { OAuth2Server: Server } = await import('oauth2-mock-server');
  if (!tls) return new Server();
  const directory = mkdtempSync(join(tmpdir(), 'assay-issuer-'));
  const paths = [join(directory, 'key'), join(directory, 'cert')] as const;
  writeFileSync(paths[0], tls.key);
  writeFileSync(paths[1], tls.cert);
  const server = new Server(...paths);
  rmSync(directory, { recursive: true });
  return server;
}

function obeying(server: OAuth2Server, url: string): TokenIssuer {
  const authorizations: string[] = [];
  let given = 0;
  const issuer = {
    ...{ url, life_s: 3_600, audience: 'kafka', refusal: null as TokenIssuer['refusal'], authorizations },
    get given() {
      return given;
    },
    close: () => server.stop(),
  };
  server.service.on('beforeTokenSigning', (token, request) => {
    const now_s = Number(token.payload.iat);
    const { authorization } = request.headers;
    const [client_id] = Buffer.from(authorization?.split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':');
    Object.assign(token.payload, { sub: client_id, aud: issuer.audience, exp: now_s + issuer.life_s });
  });
  server.service.on('beforeResponse', (answer, request) => {
    authorizations.push(request.headers.authorization ?? '');
    if (issuer.refusal) {
      Object.assign(answer, { statusCode: issuer.refusal.status, body: { error: issuer.refusal.error } });
      return;
    }
    given += 1;
    Object.assign(answer.body as object, { expires_in: issuer.life_s });
  });
  return issuer;
}
