import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { MAIL_SAMPLES, type MailSample } from './mail-samples.js';
import { measure } from './measure-page.js';
import { REPOSITORY } from './repository.js';

const USAGE = 'usage: npm run docs:mails -- [--chromium PATH]';
const PICTURES = join(REPOSITORY, 'docs', 'images');
const EVERYTHING = join(REPOSITORY, '.local', 'mails');
const LEAST_CONTRAST = 4.5;
const SCREENS = { desktop: { width: 1024, height: 900 }, phone: { width: 390, height: 844 } } as const;
const SCHEMES = ['light', 'dark'] as const;
/** Those that docs/mails.md shows; the first screen of each, as whoever opens a mail sees it. */
const SHOWN = new Set([
  'eighty-desktop-light.png',
  'eighty-phone-dark.png',
  'two-phone-light.png',
  'none-usable-phone-light.png',
  'cut-off-desktop-dark.png',
  'two-text-phone-light.png',
]);

/**
 * `npm run docs:mails`: renders mails as the notifier does, opens each in Chromium as HTML and as text, on a desktop and
 * on a phone, light and dark, takes pictures, and fails where one is wider than its screen, asks for anything from
 * elsewhere, or has text of too little contrast. All pictures stand in `.local/mails` afterwards.
 */
export async function main(args: string[]): Promise<void> {
  const [flag, executablePath = '/usr/bin/chromium'] = args;
  if (args.length > 2 || (flag !== undefined && flag !== '--chromium')) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  await Promise.all([PICTURES, EVERYTHING].map((path) => mkdir(path, { recursive: true })));
  // As root, in a container, there is no sandbox to be had; what is opened is our own.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const faults: string[] = [];
  try {
    for (const sample of MAIL_SAMPLES) faults.push(...(await look(browser, sample)));
  } finally {
    await browser.close();
  }
  for (const fault of faults) console.error(fault);
  console.log(`${MAIL_SAMPLES.length} mails looked at, ${faults.length} faults`);
  if (faults.length > 0) process.exitCode = 1;
}

async function look(browser: Browser, { mail, name }: MailSample): Promise<string[]> {
  const forms = { '': mail.html, '-text': textPage(mail.text) };
  const faults: string[] = [];
  for (const [form, content] of Object.entries(forms)) {
    for (const [screen, viewport] of Object.entries(SCREENS)) {
      for (const colorScheme of SCHEMES) {
        const file = `${name}${form}-${screen}-${colorScheme}.png`;
        const page = await browser.newPage({ viewport, colorScheme, isMobile: screen === 'phone' });
        faults.push(...(await faultsOf(page, content)).map((fault) => `${file}: ${fault}`));
        const picture = await page.screenshot();
        await writeFile(join(EVERYTHING, file), picture);
        if (SHOWN.has(file)) await writeFile(join(PICTURES, file), picture);
        await page.close();
      }
    }
  }
  return faults;
}

async function faultsOf(page: Page, content: string): Promise<string[]> {
  const faults: string[] = [];
  page.on('request', (request) => faults.push(`asks for ${request.url()}`));
  await page.setContent(content);
  const { width, screen, faint } = await page.evaluate(measure, LEAST_CONTRAST);
  if (width > screen) faults.push(`is ${width} pixels wide on a screen of ${screen}`);
  return [...faults, ...faint.map((text) => `has too little contrast at "${text}"`)];
}

/** As programs show the text part: as it is, wrapped at the edge, in the colours of the system. */
function textPage(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const style = ':root{color-scheme:light dark}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}';
  return `<!doctype html><meta name="viewport" content="width=device-width,initial-scale=1"><style>${style}</style><pre>${escaped}</pre>`;
}
