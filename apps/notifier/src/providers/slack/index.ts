export { SlackProvider } from './slack.provider.js';
