import 'reflect-metadata';
import { KafkaBatchServer } from '@assay/messaging';
import { runService } from '@assay/service';
import { NOTIFIER_SETTINGS } from './notifier.config.js';
import { NotifierModule } from './notifier.module.js';

await runService({
  name: 'notifier',
  settings: NOTIFIER_SETTINGS,
  module: (settings) => NotifierModule.register(settings),
  transport: (app) => app.get(KafkaBatchServer),
});
