import { Catch } from '@nestjs/common';
import type { RpcExceptionFilter } from '@nestjs/common';
import { throwError } from 'rxjs';
import type { Observable } from 'rxjs';

/**
 * What a Kafka handler throws reaches the transport as it is. Nest's own filter would log it and hand on an object
 * without class, code and `retryable`, which are what the transport decides by (GEN-7).
 */
@Catch()
export class KeepFailuresFilter implements RpcExceptionFilter {
  catch(thrown: unknown): Observable<never> {
    return throwError(() => thrown);
  }
}
