import { tlsOptions } from '@assay/providers-file';
import type { ConnectionSecurity } from '@assay/providers-file';
import { guardedLookup } from '@assay/security';
import { buildConnector, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { HttpSilence } from './errors.js';

/** Connections to one receiver, none of them to an address that no request may reach (SEC-7). */
export function outgoingPool(
  origin: string,
  limits: { connections: number; timeout_ms: number },
  security: ConnectionSecurity,
): Pool {
  const { connections, timeout_ms } = limits;
  const usual = { timeout: timeout_ms, lookup: guardedLookup };
  return new Pool(origin, {
    connections,
    pipelining: 1,
    connect: (options, done) => buildConnector({ ...usual, ...tlsOptions(security) })(options, done),
    headersTimeout: timeout_ms,
    bodyTimeout: timeout_ms,
  });
}

/** One request, with no redirect followed. Rejects with {@link HttpSilence} where no answer comes. */
export async function exchange(
  pool: Pool,
  request: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'headers' | 'body'> & { signal: AbortSignal },
): Promise<Dispatcher.ResponseData> {
  const phase = { started: false };
  try {
    const answer = pool.compose(tellStart(phase)).request(request);
    return await orAbortedBeforeStart(answer, request.signal, phase);
  } catch (error) {
    throw new HttpSilence(phase.started, codeOf(error), { cause: error });
  }
}

/**
 * undici starts a request on a connection immediately before it writes the first byte. Until then it may wait in the
 * pool or for the connection, and a failure is definitely "not sent" (DEL-4).
 */
function tellStart(phase: { started: boolean }): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        handler.onRequestStart?.(controller, context);
        // One that was aborted while it waited gives up here, before a byte is written.
        phase.started = !controller.aborted;
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

/**
 * undici leaves an aborted request waiting until its turn comes, and drops it then. That may be long after the send
 * time-out, and it is known already that nothing will leave.
 */
function orAbortedBeforeStart<T>(request: Promise<T>, signal: AbortSignal, phase: { started: boolean }): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      if (!phase.started) reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    request.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return name === 'TimeoutError' || name === 'AbortError' ? 'UND_ERR_ABORTED' : 'unexpected_error';
}
