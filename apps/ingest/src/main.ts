import 'reflect-metadata';
import { KafkaBatchServer } from '@assay/messaging';
import { runService } from '@assay/service';
import { INGEST_SETTINGS } from './ingest.config.js';
import { IngestModule } from './ingest.module.js';

await runService({
  name: 'ingest',
  settings: INGEST_SETTINGS,
  module: (settings) => IngestModule.register(settings),
  transport: (app) => app.get(KafkaBatchServer),
});
