import { grantsOf } from '@assay/messaging';
import type { Page } from './pages.js';

/** What each service needs of the cluster (SEC-7), under the usual prefix and principals. */
export const aclsPage: Page = {
  path: 'infra/kafka/acls.json',
  build: () => JSON.stringify(grantsOf('assay')),
};
