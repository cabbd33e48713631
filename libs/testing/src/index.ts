export { eventually } from './eventually.js';
export { testDatabase } from './test-database.js';
export type { TestDatabase } from './test-database.js';
export { plainHeaders, testKafka } from './test-kafka.js';
export type { CollectedRecord, Collector, TestKafka } from './test-kafka.js';
export { testRun } from './test-run.js';
export type { TestRun } from './test-run.js';
export { startSystem } from './test-system.js';
export type { CallOptions, Sinks, TestSystem, TestSystemOptions } from './test-system.js';
