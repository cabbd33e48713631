// Log lines that a test provokes would bury the runner's own: tests that mean them read them through `addLogSink`, and
// services as processes write to their log files. The Console transport writes to this stream of Jest's console.
globalThis.console._stdout = { write: () => true };
globalThis.console._stderr = { write: () => true };
