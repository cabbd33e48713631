import { durationMs, integer, oneOf, secretRef, text } from '@assay/service';
import { describe, expect, it } from '@jest/globals';
import { reasonCodesDocument } from '@assay/review-engine';
import { hostname } from 'node:os';
import { configurationText } from './configuration-page.js';
import { problemsText, reasonCodesText, topicsText } from './reference-pages.js';
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
      '| `ASSAY_POSTGRES_URL` | A reference. | secret ref | `env:NAME`, `file:/path`, `vault:mount/path#key` | required |',
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

describe('the reference pages', () => {
  it('give each reason code its row, its example and its remedy', () => {
    const entry = {
      kind: 'coercion' as const,
      kinds: ['coercion'] as const,
      meaning: 'A | B.',
      example: { in: '" 1 "', out: '1' },
      remedy: 'None.',
      since: '0.1.0',
    };
    const page = reasonCodesText({ version: '1.0', aliases: {}, codes: [{ code: 'line_defaulted', ...entry }] });
    expect(page).toContain('| [`line_defaulted`](#line_defaulted) | coercion | A \\| B. | 0.1.0 |');
    expect(page).toContain('Example: `" 1 "` gives `1`.');
  });

  it('VAL-18.i list under alias_mapped the words that stand for each word', () => {
    const { version, codes } = reasonCodesDocument();
    const aliases = { severity: { error: 'high', minor: 'low', major: 'high' }, category: { bug: 'correctness' } };
    const page = reasonCodesText({ version, aliases, codes });
    const section = page.slice(page.indexOf('## alias_mapped'), page.indexOf('## optional_field_removed'));
    expect(section).toContain('| `severity` | `error`, `major` | `high` |\n| `severity` | `minor` | `low` |');
    expect(section).toContain('| `category` | `bug` | `correctness` |');
  });

  it('tell of each topic its name, its time and its size', () => {
    const topic = {
      type: 'review.settled' as const,
      producers: ['ingest' as const],
      consumers: [],
      audience: 'public' as const,
      summary: 'The end.',
      partitions: 4,
      retention_ms: 30 * 86_400_000,
      max_message_bytes: 512 * 1024,
      schema: {},
    };
    expect(topicsText([topic])).toContain('| `assay.review.settled.v1` | public | The end. | 4 | 30 days | 512 KiB |');
  });

  it('tell of each problem its status', () => {
    expect(problemsText({ not_found: { status: 404, title: 'Nothing' } })).toContain('| `not_found` | 404 | Nothing |');
  });
});
