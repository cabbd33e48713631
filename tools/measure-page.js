// Runs in the page that is looked at, so it may use nothing from outside itself. JavaScript, because this repository is
// checked without the types of browsers.
/* global document, getComputedStyle, matchMedia */
export function measure(least) {
  const colourOf = (text) => {
    const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return { r, g, b, a };
  };
  const linear = (value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ({ r, g, b }) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)';
  const behind = (element) => {
    if (element === null) return colourOf(canvas);
    const colour = colourOf(getComputedStyle(element).backgroundColor);
    return colour.a === 0 ? behind(element.parentElement) : colour;
  };
  const faint = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3);
    const text = own.map((node) => node.textContent.trim()).join(' ');
    if (text.trim() === '') continue;
    const both = [luminance(colourOf(getComputedStyle(element).color)), luminance(behind(element))];
    if ((Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) < least) faint.push(text.slice(0, 40));
  }
  const { clientWidth, scrollWidth } = document.documentElement;
  return { width: scrollWidth, screen: clientWidth, faint };
}
