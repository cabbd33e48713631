export { maskedAddress } from './evidence-types.js';
export { EvidenceModule } from './evidence.module.js';
