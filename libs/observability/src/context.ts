import { AsyncLocalStorage } from 'node:async_hooks';
import { v7 } from 'uuid';
import { newTraceparent } from './traceparent.js';

/** What follows one piece of work through HTTP, topics, items and provider calls (OBS-1). */
export interface WorkContext {
  correlation_id: string;
  /** W3C traceparent of the span that is under way; null where no trace was begun. */
  traceparent: string | null;
  /** The address of the caller, where somebody asked for it over HTTP. */
  origin?: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** The context of the work under way. Outside of any (a timer, a command) a fresh one, so that nothing goes without. */
export function currentContext(): WorkContext {
  return storage.getStore() ?? newContext();
}

/** The same without making one up. */
export function contextIfAny(): WorkContext | undefined {
  return storage.getStore();
}

export function runInContext<T>(context: WorkContext, work: () => T): T {
  return storage.run(context, work);
}

export function newContext(): WorkContext {
  return { correlation_id: v7(), traceparent: newTraceparent() };
}

/** Printable, without white space or quotes, at most 128 characters: safe in headers, logs and SQL. */
const SANE_CORRELATION_ID = /^[A-Za-z0-9._:/@#+=-]{1,128}$/;

/** A caller's correlation id where it is sane; else a new UUIDv7. */
export function correlationIdFrom(header: string | undefined): string {
  return header !== undefined && SANE_CORRELATION_ID.test(header) ? header : v7();
}
