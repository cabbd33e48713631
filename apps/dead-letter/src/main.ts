import 'reflect-metadata';
import { kafkaTransport } from '@assay/messaging';
import { runService } from '@assay/service';
import { DEAD_LETTER_SETTINGS } from './dead-letter.config.js';
import { DeadLetterModule } from './dead-letter.module.js';

await runService({
  name: 'dead-letter',
  settings: DEAD_LETTER_SETTINGS,
  module: (settings) => DeadLetterModule.register(settings),
  transport: kafkaTransport,
});
