import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type ts from 'typescript';
import { SERVICES } from '../../infra/local/service-names.js';
import type { Page } from '../pages.js';
import { REPOSITORY } from '../repository.js';
import { openApiDocument } from './document.js';
import { readProgram } from './program.js';
import { routesOf } from './routes.js';

/** Read once for all services: it takes some seconds. */
let program: ts.Program | undefined;

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };

export const openApiPages: readonly Page[] = SERVICES.map((service) => ({
  path: `docs/openapi/${service}.yaml`,
  build: async () => {
    const routes = await routesOf(service);
    program ??= readProgram();
    return stringify(openApiDocument({ service, version, routes, program }), {
      lineWidth: 0,
      aliasDuplicateObjects: false,
    });
  },
}));
