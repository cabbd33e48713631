import { BlockList, isIP } from 'node:net';
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * Addresses that no outgoing request may reach, however they come to be an endpoint's (SEC-7): link-local ones, among
 * which every cloud keeps its metadata service, and the metadata services that live elsewhere.
 */
const forbidden = new BlockList();
forbidden.addSubnet('169.254.0.0', 16, 'ipv4');
forbidden.addAddress('100.100.100.200', 'ipv4');
forbidden.addSubnet('fe80::', 10, 'ipv6');
forbidden.addAddress('fd00:ec2::254', 'ipv6');

export function isForbiddenAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return forbidden.check(address, 'ipv4');
  // BlockList judges IPv4-mapped IPv6 addresses by the IPv4 rules too.
  return family === 6 && (forbidden.check(address, 'ipv6') || forbidden.check(address, 'ipv4'));
}

export class ForbiddenAddressError extends Error {
  readonly code = 'ASSAY_FORBIDDEN_ADDRESS';
  constructor() {
    super('the endpoint resolves to a link-local or metadata address');
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
