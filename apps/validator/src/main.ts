import 'reflect-metadata';
import { kafkaTransport } from '@assay/messaging';
import { runService } from '@assay/service';
import { VALIDATOR_SETTINGS } from './validator.config.js';
import { ValidatorModule } from './validator.module.js';

await runService({
  name: 'validator',
  settings: VALIDATOR_SETTINGS,
  module: (settings) => ValidatorModule.register(settings),
  transport: kafkaTransport,
});
