import type { INestApplicationContext } from '@nestjs/common';
import { KafkaBatchServer } from './kafka-batch-server.js';

/** The `transport` of a service's `main.ts`. */
export function kafkaTransport(app: INestApplicationContext): KafkaBatchServer {
  return app.get(KafkaBatchServer);
}
