import type { Finding } from '@assay/contracts';
import type { Payload } from './payload.js';
import type { RenderingInput } from './rendering-input.js';

/**
 * The form with as many of the worst findings as fit; with none, where even the first does not. A limit that not even
 * the counts and the links fit into is overstepped.
 */
export function largestThatFits<P extends Payload>(
  { findings }: RenderingInput,
  max_bytes: number,
  render: (shown: readonly Finding[]) => P,
): P {
  let fits = render([]);
  let low = 0;
  // All of them did not fit in the whole form, but may in this one.
  let high = findings.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const tried = render(findings.slice(0, middle));
    if (tried.bytes <= max_bytes) {
      fits = tried;
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return fits;
}
