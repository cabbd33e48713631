// A member in a process of its own whose handler never ends, so that a test can kill it in the middle of its work.
import { join } from 'node:path';

const [build, brokers, kafka_topic_prefix, kafka_group] = process.argv.slice(2);
await import('reflect-metadata');
const { KafkaBatchServer } = await import(join(build, 'libs', 'messaging', 'src', 'index.js'));

const server = new KafkaBatchServer({
  config: {
    kafka_brokers: [brokers],
    ...{ kafka_topic_prefix, kafka_group, instance: 'crashing', kafka_session_timeout_ms: 2_000 },
    ...{ kafka_fetch_wait_ms: 50, kafka_batch_records: 100 },
  },
  service: 'crashing',
  parking: { park: () => Promise.reject(new Error('nothing to park')) },
  readiness: { register: () => undefined },
  liveness: { beat: () => undefined, forget: () => undefined },
  shutdown: { request: () => process.exit(1) },
});
server.addHandler(
  'stage.delayed',
  (events) => {
    for (const { data } of events) process.send(`handling ${data.code}`);
    return new Promise(() => undefined);
  },
  true,
);
await server.listen((error) => process.send(error ? String(error) : 'joined'));
