import { describe, expect, it } from '@jest/globals';
import type { ServicesAddress } from './host-protocol.js';
import { providersFile, unheededByRunning } from './stack-arguments.js';
import { recipientsOf } from './stack-summary.js';

describe('a providers file for the local stack', () => {
  it('has to be there', () => {
    expect(providersFile([])).toBeUndefined();
    expect(providersFile(['--providers', import.meta.filename])).toBe(import.meta.filename);
    for (const args of [['--providers'], ['--providers', '/not/there.json']]) {
      expect(() => providersFile(args)).toThrow('--providers wants a providers file');
    }
  });

  it('is not passed over in silence by a stack that runs already', () => {
    expect(unheededByRunning([])).toBeNull();
    expect(unheededByRunning(['--providers', 'mine.json'])).toBe(
      '--providers mine.json: a stack heeds this when it starts; end this one first (npm run stack:down)',
    );
  });

  it('is named among the recipients', () => {
    const stack = (providers_file: string | null) =>
      ({ providers_file, sinks: { webhook_endpoints: ['ci-bot'] } }) as unknown as ServicesAddress;
    expect(recipientsOf(stack(null)).flat().join()).not.toContain('your file');
    expect(recipientsOf(stack('/mine.json')).at(-1)).toEqual([
      'whom your file names',
      '/mine.json, in place of all of the same kind',
    ]);
  });
});
