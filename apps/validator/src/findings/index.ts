export { FindingsModule } from './findings.module.js';
