export { DepotAllowListModule } from './depot-allow-list.module.js';
