import { domainToASCII } from 'node:url';

const LONGEST_ADDRESS_BYTES = 254;
const LONGEST_LOCAL_PART_BYTES = 64;
// No quoting, no comments, no routes, no lists: whatever would need quoting is refused, so that one address can never
// be read as two or as part of a command.
const LOCAL_PART = /^[^\s"(),:;<>@[\\\]\u0000-\u0020\u007f-\u009f]+$/u;
const DOMAIN = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)*[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?$/u;

/** Whether a recipient's address is one mail address and nothing else (DEL-12: no header or command injection). */
export function isMailAddress(address: string): boolean {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  return (
    Buffer.byteLength(address) <= LONGEST_ADDRESS_BYTES &&
    Buffer.byteLength(local) <= LONGEST_LOCAL_PART_BYTES &&
    LOCAL_PART.test(local) &&
    DOMAIN.test(address.slice(at + 1))
  );
}

/** The domain of a mail address, in ASCII. */
export function mailDomainOf(address: string): string {
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1));
}
