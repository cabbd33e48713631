export { CompatibilityModule } from './compatibility.module.js';
