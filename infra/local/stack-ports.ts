import type { StackPorts } from './host-protocol.js';
import { portIsFree } from './ports.js';

const BASE_VARIABLE = 'ASSAY_STACK_PORT_BASE';
const DEFAULT_BASE = 7300;

/** The ports of `npm run stack:up`, counted from a base so that a second clone needs one number. */
export function stackPorts(args: readonly string[]): StackPorts {
  const flag = args.indexOf('--port-base');
  const text = flag >= 0 ? args[flag + 1] : process.env[BASE_VARIABLE];
  const base = Number(text ?? DEFAULT_BASE);
  if (!Number.isInteger(base) || base < 1024 || base > 65_000) {
    throw new Error(`--port-base (or ${BASE_VARIABLE}) must be a number from 1024 to 65000`);
  }
  return {
    services: { ingest: base, validator: base + 1, notifier: base + 2, 'dead-letter': base + 3 },
    sinks: { smtp_port: base + 25, webhook_port: base + 80, control_port: base + 81 },
    postgres: base + 54,
    kafka: base + 92,
  };
}

/** Throws, naming the ports that something else listens on. */
export async function requireFree(ports: StackPorts): Promise<void> {
  const all = [...Object.values(ports.services), ...Object.values(ports.sinks), ports.postgres, ports.kafka];
  const free = await Promise.all(all.map(portIsFree));
  const taken = all.filter((_, index) => !free[index]);
  if (taken.length === 0) return;
  throw new Error(
    `something listens on ${taken.join(', ')} already; move the stack: npm run stack:up -- --port-base 8300`,
  );
}
