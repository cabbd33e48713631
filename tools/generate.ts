// Makes the generated pages: `npm run generate` writes them, `npm run verify` (--check) makes them in memory and fails
// when one in the repository differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { aclsPage } from './acls-page.js';
import { asyncApiPage } from './asyncapi-page.js';
import { configurationPage } from './configuration-page.js';
import { openApiPages } from './openapi/pages.js';
import { conformancePage } from './conformance-page.js';
import { metricsPage } from './metrics-page.js';
import type { Page } from './pages.js';
import { contractPages, problemsPage, providersFilePage, reasonCodesPage, topicsPage } from './reference-pages.js';
import { REPOSITORY } from './repository.js';
import { stateMachinesPage } from './state-machines-page.js';

const PAGES: readonly Page[] = [
  aclsPage,
  conformancePage,
  ...openApiPages,
  ...contractPages,
  providersFilePage,
  asyncApiPage,
  configurationPage,
  metricsPage,
  problemsPage,
  reasonCodesPage,
  stateMachinesPage,
  topicsPage,
];

async function textOf(page: Page): Promise<string> {
  const path = join(REPOSITORY, page.path);
  return format(await page.build(), { ...(await resolveConfig(path)), filepath: path });
}

function textInRepository(page: Page): string | null {
  try {
    return readFileSync(join(REPOSITORY, page.path), 'utf8');
  } catch {
    return null;
  }
}

/** True when the page stands in the repository as it should. */
async function settle(page: Page, check: boolean): Promise<boolean> {
  try {
    const text = await textOf(page);
    if (textInRepository(page) === text) return true;
    if (check) {
      console.error(`${page.path} is stale: run \`npm run generate\` and commit it`);
      return false;
    }
    writeFileSync(join(REPOSITORY, page.path), text);
    console.log(`${page.path} written`);
    return true;
  } catch (error) {
    console.error(`${page.path}: ${(error as Error).message}`);
    return false;
  }
}

const check = process.argv.includes('--check');
const settled = await Promise.all(PAGES.map((page) => settle(page, check)));
if (check && settled.every(Boolean)) console.log(`${PAGES.length} generated files are up to date`);
process.exitCode = settled.every(Boolean) ? 0 : 1;
