import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import type { Certificate } from "./certificates.js";

export interface TlsProxyOptions {
  /** `host:port` of a server that speaks without TLS. */
  readonly target: string;
  readonly certificate: Certificate;
  /** Clients must show a certificate of this authority. */
  readonly clientCa?: string;
  readonly alpn?: readonly string[];
  /** Postgres: a client asks for TLS first, in its own words. */
  readonly asksFirst?: boolean;
}

export interface TlsProxy {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  /** How many connections were secured and passed on. */
  countPassed(): number;
  close(): Promise<void>;
}

/** Eight bytes: their number, and the code by which Postgres knows the question. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** A server with TLS before one without. */
export async function startTlsProxy(options: TlsProxyOptions): Promise<TlsProxy> {
  const open = new Set<Socket>();
  let passed = 0;
  const [host = "", port = ""] = options.target.split(":");
  const { cert, key } = options.certificate;
  const clients = options.clientCa === undefined ? {} : { ca: readFileSync(options.clientCa), requestCert: true, rejectUnauthorized: true };
  const alpn = options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] };
  const secured = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key), ...clients, ...alpn }, (client) => {
    passed += 1;
    const server = connect({ host, port: Number(port) });
    open.add(server);
    server.once("close", () => open.delete(server));
    pipeline(client, server, client, () => client.destroy());
  });
  secured.on("tlsClientError", (_error, socket) => socket.destroy());

  const listener: Server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    if (options.asksFirst !== true) {
      secured.emit("connection", socket);
      return;
    }
    socket.once("data", (asked: Buffer) => {
      if (!asked.equals(SSL_REQUEST)) {
        socket.destroy();
        return;
      }
      socket.write("S");
      secured.emit("connection", socket);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const own = (listener.address() as { port: number }).port;
  return {
    address: `127.0.0.1:${own}`,
    port: own,
    countPassed: () => passed,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
