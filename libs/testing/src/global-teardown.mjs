const GRACE_MS = 10_000;

export default async function globalTeardown() {
  await globalThis.assayTearDown?.();
  // Fires only when something else keeps the process alive: a leak, which Jest would wait for without end.
  setTimeout(() => {
    console.error(`still open after the last test: ${[...new Set(process.getActiveResourcesInfo())].join(', ')}`);
    process.exit(1);
  }, GRACE_MS).unref();
}
