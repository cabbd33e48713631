/**
 * What clients that read style sheets make of a mail: one column as wide as the screen, up to 720 pixels; severities as
 * a coloured edge beside their names; long paths broken anywhere, so that nothing is wider than a phone; light and dark
 * as the reader's system is. Each text has a contrast of at least 4.5 to what lies behind it (`npm run docs:mails`
 * measures it). Short, because it counts towards `max_bytes`.
 */
export const MAIL_STYLES = [
  ':root{color-scheme:light dark}',
  'body{margin:0 auto;padding:16px;max-width:720px;background:#fff;color:#1f2328;font-size:15px;line-height:1.5;overflow-wrap:anywhere}',
  'h1{font-size:20px;line-height:1.3}',
  'h2{margin:28px 0 8px;font-size:15px;text-transform:uppercase}',
  'p{margin:6px 0}',
  'li{margin:0 0 18px;padding-left:12px;border-left:4px solid #818b98}',
  '.critical{border-color:#c5221f}.high{border-color:#bf5000}.medium{border-color:#9a6700}.low{border-color:#0969da}',
  'code,.s{font-family:monospace;font-size:13px}',
  '.s{padding:8px;background:#f0f2f5}',
  'small{color:#59636e}',
  '.w{padding:8px;background:#fff3bf}',
  'a{color:#0969da}',
  '@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}.s{background:#1c2128}small{color:#9198a1}.w{background:#3a2d00}a{color:#58a6ff}}',
].join('');
