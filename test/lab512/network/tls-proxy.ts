import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import type { Certificate } from "./certificates.js";

export interface TlsProxyOptions {
  /** `host:port` of a server without TLS. */
  readonly target: string;
  readonly certificate: Certificate;
  /** Clients must present a certificate of this authority. */
  readonly clientCa?: string;
  readonly alpn?: readonly string[];
  /** For Postgres, whose clients send an SSLRequest before the TLS handshake. */
  readonly asksFirst?: boolean;
}

export interface TlsProxy {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  /** Returns the number of connections that completed the TLS handshake. */
  countPassed(): number;
  close(): Promise<void>;
}

/** The SSLRequest message of Postgres: its length of eight bytes and its code. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Starts a server that terminates TLS and forwards to a server without TLS. */
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
