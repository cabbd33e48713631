export { explain, versionCure, type Explanation } from './explanation.js';
export { ByteOffsets, placeOf } from './place.js';
export { edited, memberStart, readText, type TextRead } from './read-text.js';
export { wholePart } from './whole-part.js';
export { SUB_REASONS, type Edit, type RepairCode, type SubReason } from './words.js';
