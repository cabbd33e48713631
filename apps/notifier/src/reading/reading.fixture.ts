import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newApiKey } from '@assay/security';
import type { RunningService } from '@assay/service';
import { NotifierFixture } from '../notifier.fixture.js';

const CALLERS = {
  operator: { role: 'operator', sources: '*' },
  operator_of_other: { role: 'operator', sources: ['other'] },
  auditor: { role: 'auditor', sources: ['ci', 'other'] },
  submitter: { role: 'submitter', sources: ['ci'] },
} as const;
export type Reader = keyof typeof CALLERS;

/** A notifier whose API is asked under keys of each role. */
export class ReadingFixture {
  private constructor(
    readonly notifier: NotifierFixture,
    readonly keys: Record<Reader, string>,
    readonly replica: RunningService,
    private readonly directory: string,
  ) {}

  static async open(over: Record<string, string> = {}): Promise<ReadingFixture> {
    const notifier = await NotifierFixture.open();
    const directory = await mkdtemp(join(tmpdir(), 'assay-reading-'));
    const file = join(directory, 'keys.json');
    const made = Object.entries(CALLERS).map(([id, entry]) => ({ id, ...entry, ...newApiKey() }));
    await writeFile(file, JSON.stringify({ keys: made.map(({ key: _, ...entry }) => entry) }));
    const keys = Object.fromEntries(made.map(({ id, key }) => [id, key])) as Record<Reader, string>;
    const replica = await notifier.start({ ASSAY_API_KEYS_FILE: file, ...over });
    return new ReadingFixture(notifier, keys, replica, directory);
  }

  async call<T>(reader: Reader | null, path: string): Promise<{ status: number; body: T }> {
    const headers = new Headers(reader === null ? {} : { authorization: `Bearer ${this.keys[reader]}` });
    const answer = await fetch(new URL(path, this.replica.url), { headers });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  async close(): Promise<void> {
    await this.notifier.close();
    await rm(this.directory, { recursive: true });
  }
}
