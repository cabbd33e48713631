import { BlockList, isIP } from 'node:net';
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * Where no outgoing request may go, however an address comes to be a receiver's (SEC-7, SEC-9): link-local ones, among
 * which every cloud keeps its metadata service, and the services that live elsewhere.
 */
const FORBIDDEN_V4: readonly (readonly [network: string, prefix: number])[] = [
  ['169.254.0.0', 16],
  // Alibaba Cloud
  ['100.100.100.200', 32],
  // Azure: what an instance asks for its certificates and its health
  ['168.63.129.16', 32],
  // Oracle Cloud
  ['192.0.0.192', 32],
];
const FORBIDDEN_V6: readonly (readonly [network: string, prefix: number])[] = [
  ['fe80::', 10],
  // AWS: an instance's metadata, a pod's identity
  ['fd00:ec2::254', 128],
  ['fd00:ec2::23', 128],
  // Google Cloud
  ['fd20:ce::254', 128],
  // Oracle Cloud
  ['fd00:c1::a9fe:a9fe', 128],
  // Scaleway
  ['fd00:42::42', 128],
  // Teredo (RFC 4380): an IPv4 address in disguise, of which nobody who receives has one
  ['2001::', 32],
];

const forbidden = new BlockList();
for (const [network, prefix] of FORBIDDEN_V6) forbidden.addSubnet(network, prefix, 'ipv6');
for (const [network, prefix] of FORBIDDEN_V4) {
  forbidden.addSubnet(network, prefix, 'ipv4');
  for (const [carried, carried_prefix] of carriers(network, prefix))
    forbidden.addSubnet(carried, carried_prefix, 'ipv6');
}

/** The IPv6 networks that lead to an IPv4 one; those that are IPv4-mapped follow the rules for IPv4. */
function carriers(network: string, prefix: number): [network: string, prefix: number][] {
  const [a, b, c, d] = network.split('.').map(Number) as [number, number, number, number];
  const hex = (high: number, low: number): string => (high * 256 + low).toString(16);
  const [upper, lower] = [hex(a, b), hex(c, d)];
  return [
    // IPv4-compatible (RFC 4291) and translated (RFC 2765)
    [`::${upper}:${lower}`, 96 + prefix],
    [`::ffff:0:${upper}:${lower}`, 96 + prefix],
    // NAT64 (RFC 6052); of the local prefix (RFC 8215) both ways to carry an address, the one around bits 64 to 71
    [`64:ff9b::${upper}:${lower}`, 96 + prefix],
    [`64:ff9b:1::${upper}:${lower}`, 96 + prefix],
    [`64:ff9b:1:${upper}:${hex(0, c)}:${hex(d, 0)}::`, 48 + prefix + (prefix > 16 ? 8 : 0)],
    // 6to4 (RFC 3056)
    [`2002:${upper}:${lower}::`, 16 + prefix],
  ];
}

/** False for what is no address: a name is judged by what it resolves to. */
export function isForbiddenAddress(text: string): boolean {
  const [address] = text.replace(/^\[(.*)\]$/, '$1').split('%') as [string];
  const family = isIP(address);
  if (family === 4) return forbidden.check(address, 'ipv4');
  // BlockList judges IPv4-mapped IPv6 addresses by the IPv4 rules too.
  return family === 6 && (forbidden.check(address, 'ipv6') || forbidden.check(address, 'ipv4'));
}

export class ForbiddenAddressError extends Error {
  readonly code = 'ASSAY_FORBIDDEN_ADDRESS';
  constructor() {
    super('the receiver has a link-local or metadata address');
    this.name = 'ForbiddenAddressError';
  }
}

/** Judges what a name resolves to at the moment of connecting, so that a name cannot be pointed elsewhere later. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    if (addresses.some(({ address }) => isForbiddenAddress(address))) {
      return callback(new ForbiddenAddressError(), '', 0);
    }
    if (options.all) return callback(null, addresses);
    callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};
