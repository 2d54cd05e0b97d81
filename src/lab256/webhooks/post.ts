import { lookup as systemLookup } from "node:dns";
import { request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { SignedEvent } from "./cloud-event.js";

/** `public` allows TLS to addresses that are not private, loopback or link-local; `any` allows every URL, for development. */
export const WEBHOOK_RECEIVERS = ["public", "any"] as const;
export type WebhookReceivers = (typeof WEBHOOK_RECEIVERS)[number];

const TIMEOUT_MS = 8_000;

const privateNetworks = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Azure's platform services, which every machine there reaches under this address.
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  privateNetworks.addSubnet(network, bits, "ipv4");
/** Public IPv6 is global unicast (RFC 4291), except for the ranges that lead to IPv4: 6to4 and Teredo. */
const globalIpv6Networks = new BlockList();
globalIpv6Networks.addSubnet("2000::", 3, "ipv6");
privateNetworks.addSubnet("2002::", 16, "ipv6");
privateNetworks.addSubnet("2001::", 32, "ipv6");

/** Returns whether a numeric address is not on a public network. */
export function isPrivateAddress(address: string): boolean {
  if (isIP(address) !== 6) return privateNetworks.check(address, "ipv4");
  return !globalIpv6Networks.check(address, "ipv6") || privateNetworks.check(address, "ipv6");
}

/**
 * Posts one event to its receiver. Returns undefined on a 2xx response, otherwise the reason in a sentence. Never throws and follows no
 * redirect.
 */
export async function postEvent(url: string, event: SignedEvent, receivers: WebhookReceivers): Promise<string | undefined> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  if (receivers === "public") {
    if (target.protocol !== "https:") return "The address must begin with https://.";
    if (isIP(host) !== 0 && isPrivateAddress(host)) return `${host} is not a public address.`;
  }
  try {
    const status = await sendRequest(target, event, receivers);
    return status >= 200 && status < 300 ? undefined : `The receiver responded with ${status}.`;
  } catch (error) {
    return `The receiver could not be reached: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

function sendRequest(target: URL, { headers, body }: SignedEvent, receivers: WebhookReceivers): Promise<number> {
  const options: RequestOptions = {
    method: "POST",
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    // Check the address of the connection itself: another lookup of the name could return another address.
    ...(receivers === "public" ? { lookup: lookUpPublicAddress } : {}),
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const request = (target.protocol === "https:" ? tlsRequest : plainRequest)(target, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject);
    request.end(body);
  });
}

const lookUpPublicAddress: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, "", 0);
    const forbidden = addresses.find(({ address }) => isPrivateAddress(address));
    if (forbidden !== undefined) return callback(new Error(`${hostname} is ${forbidden.address}, which is not a public address`), "", 0);
    const [first] = addresses;
    if (options.all === true) return callback(null, addresses);
    return first === undefined ? callback(new Error(`${hostname} has no address`), "", 0) : callback(null, first.address, first.family);
  });
};
