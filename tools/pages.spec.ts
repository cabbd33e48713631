import { durationMs, integer, oneOf, secretRef, text } from '@assay/service';
import { describe, expect, it } from '@jest/globals';
import { hostname } from 'node:os';
import { configurationText } from './configuration-page.js';
import { diagram, movesOf } from './state-diagrams.js';

describe('the configuration page', () => {
  const port = integer({ env: 'ASSAY_HTTP_PORT', doc: 'Port.', default: 8080, max: 65_535 });
  const url = secretRef({ env: 'ASSAY_POSTGRES_URL', doc: 'A reference.' });
  const lease = durationMs({ env: 'ASSAY_LEASE_MS', doc: 'A lease.', default: null });
  const mode = oneOf({ env: 'ASSAY_MODE', doc: 'A | B.', values: ['a', 'b'], default: 'a' });
  const page = configurationText([
    { app: 'ingest', settings: [port, url] },
    { app: 'notifier', settings: [port, lease, mode] },
  ]);

  it('lists once what every service has, and the rest under its service', () => {
    expect(page.match(/ASSAY_HTTP_PORT/g)).toHaveLength(1);
    expect(page.indexOf('ASSAY_POSTGRES_URL')).toBeGreaterThan(page.indexOf('## ingest'));
    expect(page.indexOf('ASSAY_LEASE_MS')).toBeGreaterThan(page.indexOf('## notifier'));
  });

  it('tells what is required, what may be left out and what the default is', () => {
    expect(page).toContain('| `ASSAY_HTTP_PORT` | Port. | integer | from 0 to 65535 | `8080` |');
    expect(page).toContain(
      '| `ASSAY_POSTGRES_URL` | A reference. | secret ref | `env:NAME`, `file:/path` | required |',
    );
    expect(page).toContain('| `ASSAY_LEASE_MS` | A lease. | duration ms | of at least 0 | none |');
    expect(page).toContain('| `ASSAY_MODE` | A \\| B. | one of | a, b | `a` |');
  });

  it('does not print what depends on the host or the process', () => {
    const instance = text({ env: 'ASSAY_INSTANCE', doc: 'Name.', default: `${hostname()}-${process.pid}` });
    const other = { app: 'validator', settings: [] };
    expect(configurationText([{ app: 'ingest', settings: [instance] }, other])).toContain('<host name>-<process id>');
  });
});

describe('state diagrams', () => {
  it('draw every move with its causes, the births and the ends', () => {
    const moves = [
      { from: null, to: 'open', causes: ['reported'] },
      { from: 'open', to: 'open', causes: ['reported_again'] },
      { from: 'open', to: 'closed' },
    ];
    expect(diagram(moves).split('\n')).toEqual([
      '```mermaid',
      'stateDiagram-v2',
      '  [*] --> open: reported',
      '  open --> open: reported_again',
      '  open --> closed',
      '  closed --> [*]',
      '```',
    ]);
  });

  it('read a table of states and their successors', () => {
    expect(movesOf({ queued: ['done'], done: [] }, 'queued')).toEqual([
      { from: null, to: 'queued' },
      { from: 'queued', to: 'done' },
    ]);
  });
});
