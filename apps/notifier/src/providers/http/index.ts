export { readAway, readJson, toldHeaders } from './answer-body.js';
export { classifyHttp } from './classify-http.js';
export type { Meant } from './classify-http.js';
export { HttpAnswer, HttpSilence, refusalOf } from './errors.js';
export type { HttpRefusal } from './errors.js';
export { exchange, outgoingPool } from './exchange.js';
export { retryAfterMs } from './retry-after.js';
