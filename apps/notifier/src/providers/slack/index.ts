export { SlackProvider } from './slack.provider.js';
export { SLACK_DEFAULTS } from './slack.settings.js';
export type { SlackHook } from './slack.settings.js';
