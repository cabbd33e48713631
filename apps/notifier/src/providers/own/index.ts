export { ForeignProvider } from './own.provider.js';
