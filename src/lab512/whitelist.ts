import net from "node:net";

/** A connection that the whitelist does not name. */
export class NotWhitelisted extends Error {
  override readonly name = "NotWhitelisted";
  readonly code = "network_not_whitelisted";

  constructor(endpoint: string) {
    super(`${endpoint} is not on the network whitelist; name it in the allowlist's \`network_whitelist\` if the Runner needs it.`);
  }
}

/**
 * `host:port` of a URL or of an address, in lower case, with the scheme's own port where none is written. @throws when it is neither.
 */
export function parseEndpoint(address: string): string {
  const text = address.includes("://") ? address : `tcp://${address}`;
  if (!URL.canParse(text)) throw new Error(`\`${address}\` is not an address; write \`host:port\` or a URL.`);
  const url = new URL(text);
  const port = url.port !== "" ? url.port : url.protocol === "https:" ? "443" : "80";
  return `${url.hostname.toLowerCase()}:${port}`;
}

/**
 * The endpoints that a process may connect to, and nothing else. A host is what a client asks for, before any lookup: `localhost` and
 * `127.0.0.1` are two hosts. IPv6 addresses stand in brackets. Source: ADR-002 §6 (`network_whitelist`).
 */
export class NetworkWhitelist {
  private readonly endpoints: ReadonlySet<string>;

  constructor(endpoints: Iterable<string>) {
    this.endpoints = new Set([...endpoints].map((endpoint) => endpoint.toLowerCase()));
  }

  /** @throws NotWhitelisted. For clients whose sockets are not Node's, such as Temporal's native core. */
  assertAllowed(address: string): void {
    const endpoint = parseEndpoint(address);
    if (!this.endpoints.has(endpoint)) throw new NotWhitelisted(endpoint);
  }

  /**
   * Makes every socket that this process opens from now on obey: each TCP connection through `node:net` (and so http, https and tls)
   * is refused unless its host and port are named. Unix sockets are refused too.
   */
  enforce(): void {
    const { endpoints } = this;
    const connect = net.Socket.prototype.connect;
    const connectGuarded = function (this: net.Socket, ...args: unknown[]): net.Socket {
      const endpoint = parseRequestedEndpoint(args);
      if (endpoints.has(endpoint)) return Reflect.apply(connect, this, args) as net.Socket;
      // Failing as a lookup does gives clients the time to listen for the error; what nobody hears would end the process.
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

/** What `connect` was asked for, whichever of its overloads was used; Node itself passes the normalised arguments as one array. */
function parseRequestedEndpoint(args: readonly unknown[]): string {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof first === "number" || (typeof first === "string" && /^\d+$/.test(first)))
    return `${typeof args[1] === "string" ? bracketHost(args[1].toLowerCase()) : "localhost"}:${first}`;
  if (typeof first === "string") return `unix:${first}`;
  if (typeof first !== "object" || first === null) return "unknown";
  const { host, port, path } = first as { host?: unknown; port?: unknown; path?: unknown };
  // As Node does: with a path it is a Unix socket, whatever else is named beside it.
  if (path || port === undefined || port === null) return `unix:${String(path)}`;
  return `${typeof host === "string" && host !== "" ? bracketHost(host.toLowerCase()) : "localhost"}:${String(port)}`;
}

function bracketHost(host: string): string {
  return net.isIPv6(host) ? `[${host}]` : host;
}
