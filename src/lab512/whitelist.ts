import net from "node:net";

/** A connection to an endpoint that is not on the whitelist. */
export class NotWhitelisted extends Error {
  override readonly name = "NotWhitelisted";
  readonly code = "network_not_whitelisted";

  constructor(endpoint: string) {
    super(`${endpoint} is not on the network whitelist; name it in the allowlist's \`network_whitelist\` if the Runner needs it.`);
  }
}

/**
 * Parses a URL or an address into `host:port` in lower case, with the scheme's default port if there is none.
 *
 * @throws if it is neither.
 */
export function parseEndpoint(address: string): string {
  const text = address.includes("://") ? address : `tcp://${address}`;
  if (!URL.canParse(text)) throw new Error(`\`${address}\` is not an address; write \`host:port\` or a URL.`);
  const url = new URL(text);
  const port = url.port !== "" ? url.port : url.protocol === "https:" ? "443" : "80";
  return `${url.hostname.toLowerCase()}:${port}`;
}

/**
 * The only endpoints to which a process may connect. A host is the name that a client asks for, before any lookup, so `localhost` and
 * `127.0.0.1` are two hosts. IPv6 addresses are in brackets. Source: ADR-002 §6 (`network_whitelist`).
 */
export class NetworkWhitelist {
  private readonly endpoints: ReadonlySet<string>;

  constructor(endpoints: Iterable<string>) {
    this.endpoints = new Set([...endpoints].map((endpoint) => endpoint.toLowerCase()));
  }

  /**
   * For clients whose sockets are not Node's, such as Temporal's native core.
   *
   * @throws NotWhitelisted
   */
  assertAllowed(address: string): void {
    const endpoint = parseEndpoint(address);
    if (!this.endpoints.has(endpoint)) throw new NotWhitelisted(endpoint);
  }

  /**
   * Applies to every socket that this process opens from now on: a TCP connection through `node:net` (and so http, https and tls) is
   * refused unless its host and port are on the whitelist. Unix sockets are refused too.
   */
  enforce(): void {
    const { endpoints } = this;
    const connect = net.Socket.prototype.connect;
    const connectGuarded = function (this: net.Socket, ...args: unknown[]): net.Socket {
      const endpoint = parseRequestedEndpoint(args);
      if (endpoints.has(endpoint)) return Reflect.apply(connect, this, args) as net.Socket;
      // Failing in the lookup gives clients time to add an error listener; an error without a listener would end the process.
      return Reflect.apply(connect, this, [
        { host: "refused.invalid", port: 1, lookup: buildRefusingLookup(new NotWhitelisted(endpoint)) },
      ]) as net.Socket;
    };
    net.Socket.prototype.connect = connectGuarded as typeof connect;
  }
}

function buildRefusingLookup(error: NotWhitelisted): net.LookupFunction {
  return (_host, _options, callback) => void setImmediate(callback, error, "");
}

/** Parses the endpoint from the arguments of any overload of `connect`. Node itself passes the normalised arguments as one array. */
function parseRequestedEndpoint(args: readonly unknown[]): string {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first)))
    return `${typeof args[1] === "string" ? bracketHost(args[1].toLowerCase()) : "localhost"}:${first}`;
  if (typeof first === "string") return `unix:${first}`;
  if (typeof first !== "object" || first === null) return "unknown";
  const { host, port, path } = first as { host?: unknown; port?: unknown; path?: unknown };
  // As in Node, a path means a Unix socket even if host and port are given.
  if (path || port === undefined || port === null) return `unix:${String(path)}`;
  return `${typeof host === "string" && host !== "" ? bracketHost(host.toLowerCase()) : "localhost"}:${String(port)}`;
}

function bracketHost(host: string): string {
  return net.isIPv6(host) ? `[${host}]` : host;
}
