export * from './paths/index.js';
