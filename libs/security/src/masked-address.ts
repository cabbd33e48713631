/** A mail address for those who need not write to it; an endpoint's name is shown as it is. */
export function maskedAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 1 ? address : `${address[0]}…${address.slice(at)}`;
}
