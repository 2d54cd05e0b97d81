import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NetworkWhitelist, NotWhitelisted, parseEndpoint } from "../../../src/lab512/whitelist.js";
import { buildNodeArguments } from "../../../src/stack/registry/own-entry.js";
import type { Attempt, GuardedRequest } from "./guarded-client.js";

const REFUSED = "network_not_whitelisted";
const script = fileURLToPath(new URL("./guarded-client.js", import.meta.url));

/** Tries connections in a child process, because the guard patches its process. */
async function tryConnections(request: GuardedRequest): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [...buildNodeArguments(script), JSON.stringify(request)]);
  return JSON.parse(stdout) as string[];
}

describe("the network whitelist of a process", () => {
  const folder = mkdtempSync(join(tmpdir(), "ogr-net-"));
  const socketPath = join(folder, "x.sock");
  const web = http.createServer((_, response) => response.end("here"));
  const other = http.createServer((_, response) => response.end("there"));
  const local = http.createServer((_, response) => response.end("local"));
  // It completes no handshake, since the tests only count connections.
  const secure = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.resume();
    socket.end("no TLS here\n");
  });
  const servers = [web, other, local, secure];
  let connectionCount = 0;
  const readPort = (server: net.Server) => (server.address() as AddressInfo).port;

  beforeAll(async () => {
    for (const server of [other, local, secure]) server.on("connection", () => (connectionCount += 1));
    for (const server of [web, other, secure]) await once(server.listen(0, "127.0.0.1"), "listening");
    await once(local.listen(socketPath), "listening");
  });
  afterAll(async () => {
    for (const server of [web, other, local]) server.closeAllConnections();
    for (const server of servers) await once(server.close(), "close");
    rmSync(folder, { recursive: true });
  });

  const buildAttempts = (host: string, at: number): Attempt[] => [
    { via: "net", host, port: at },
    { via: "net arguments", host, port: at },
    { via: "net arguments", host, port: String(at) },
    { via: "http", url: `http://${host}:${at}/path` },
    { via: "fetch", url: `http://${host}:${at}/path` },
  ];

  it("lets every client reach a named endpoint", async () => {
    const attempts = buildAttempts("127.0.0.1", readPort(web));
    expect(await tryConnections({ whitelist: [`127.0.0.1:${readPort(web)}`], attempts })).toEqual(attempts.map(() => "connected"));
  });

  it("lets no client reach another port of a named host, and opens no connection to it", async () => {
    connectionCount = 0;
    const at = readPort(other);
    const attempts: Attempt[] = [
      ...buildAttempts("127.0.0.1", at),
      { via: "tls", host: "127.0.0.1", port: readPort(secure) },
      { via: "https", url: `https://127.0.0.1:${readPort(secure)}/` },
      { via: "fetch", url: `https://127.0.0.1:${readPort(secure)}/` },
      { via: "http", url: "http://127.0.0.1/" },
      { via: "https", url: "https://127.0.0.1/" },
    ];
    expect(await tryConnections({ whitelist: [`127.0.0.1:${readPort(web)}`], attempts })).toEqual(attempts.map(() => REFUSED));
    expect(connectionCount).toBe(0);
  });

  it("allows no connection when it is empty", async () => {
    const attempts = buildAttempts("127.0.0.1", readPort(web));
    expect(await tryConnections({ whitelist: [], attempts })).toEqual(attempts.map(() => REFUSED));
  });

  it("lets TLS clients reach a named endpoint, so that only the handshake fails", async () => {
    const at = readPort(secure);
    const attempts: Attempt[] = [
      { via: "tls", host: "127.0.0.1", port: at },
      { via: "https", url: `https://127.0.0.1:${at}/` },
    ];
    for (const outcome of await tryConnections({ whitelist: [`127.0.0.1:${at}`], attempts })) expect(outcome).not.toBe(REFUSED);
    expect(tls.DEFAULT_MIN_VERSION).toMatch(/^TLS/);
  });

  it("refuses Unix sockets, also with a named host and port beside the path", async () => {
    connectionCount = 0;
    const named = { host: "127.0.0.1", port: readPort(web) };
    const attempts: Attempt[] = [
      { via: "unix", path: socketPath },
      { via: "unix with a host", path: socketPath, ...named },
      { via: "http over unix", path: socketPath, ...named },
    ];
    expect(await tryConnections({ whitelist: [`127.0.0.1:${readPort(web)}`], attempts })).toEqual([REFUSED, REFUSED, REFUSED]);
    expect(connectionCount).toBe(0);
  });

  it("compares host names without case and does not resolve them", async () => {
    const at = readPort(web);
    const upper: Attempt[] = [{ via: "net", host: "LOCALHOST", port: at }];
    const numeric: Attempt[] = [{ via: "net", host: "127.0.0.1", port: at }];
    const unnamed: Attempt[] = [{ via: "net", port: at }];
    // The connection may fail, since `localhost` may resolve to ::1 on this machine.
    for (const attempts of [upper, unnamed])
      expect(await tryConnections({ whitelist: [`LocalHost:${at}`], attempts })).not.toContain(REFUSED);
    expect(await tryConnections({ whitelist: [`localhost:${at}`], attempts: numeric })).toEqual([REFUSED]);
    expect(await tryConnections({ whitelist: [`127.0.0.1:${at}`], attempts: [...upper, ...unnamed] })).toEqual([REFUSED, REFUSED]);
  });

  it("takes an IPv6 endpoint in the notation of a URL", async () => {
    const at = readPort(web);
    const attempts: Attempt[] = [
      { via: "net", host: "::1", port: at },
      { via: "http", url: `http://[::1]:${at}/` },
      { via: "fetch", url: `http://[::1]:${at}/` },
    ];
    // Nothing listens there, and some machines have no IPv6, so the connection itself may fail.
    for (const outcome of await tryConnections({ whitelist: [`[::1]:${at}`], attempts })) expect(outcome).not.toBe(REFUSED);
    expect(await tryConnections({ whitelist: [`[::2]:${at}`], attempts })).toEqual([REFUSED, REFUSED, REFUSED]);
  });
});

describe("asserting an address", () => {
  it.each([
    ["127.0.0.1:7233", "127.0.0.1:7233"],
    ["Temporal.Example:7233", "temporal.example:7233"],
    ["https://S3.example", "s3.example:443"],
    ["http://s3.example", "s3.example:80"],
    ["http://[::1]:9000", "[::1]:9000"],
  ])("accepts %s if the whitelist names %s", (address, endpoint) => {
    expect(parseEndpoint(address)).toBe(endpoint);
    expect(() => new NetworkWhitelist([endpoint]).assertAllowed(address)).not.toThrow();
    expect(() => new NetworkWhitelist(["elsewhere:1"]).assertAllowed(address)).toThrow(NotWhitelisted);
  });

  it("fails with the endpoint and the remedy if the whitelist lacks it", () => {
    const refusal = { code: REFUSED, message: expect.stringContaining("127.0.0.1:7233 is not on the network whitelist; name it in") };
    expect(() => new NetworkWhitelist([]).assertAllowed("127.0.0.1:7233")).toThrow(expect.objectContaining(refusal));
  });

  it("fails with the text if it is not an address", () => {
    expect(() => parseEndpoint("not an address")).toThrow("`not an address` is not an address");
  });
});
