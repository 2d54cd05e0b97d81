import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * - `pass`: forwards everything.
 * - `cut answer`: forwards the request and breaks the connection when the response begins.
 * - `cut request`: breaks the connection at the first byte of the request.
 * - `silence`: accepts the request and never responds.
 * - `busy`: responds with 503 and forwards nothing.
 */
export type Conduct = "pass" | "cut answer" | "cut request" | "silence" | "busy";

export interface SeveringProxy {
  readonly endpoint: string;
  conduct: Conduct;
  /** Flips one bit in every chunk of a body that arrives separately from the head. */
  damagesBodies: boolean;
  /** The number of requests that began while the conduct was not `pass`. */
  disturbed: number;
  close(): Promise<void>;
}

/** A real TCP proxy between a client and a server that fails on demand. */
export async function startSeveringProxy(endpoint: string): Promise<SeveringProxy> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // When one side fails, the proxy breaks the other side too.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => {
      const { conduct } = proxy;
      const isHead = /^(GET|HEAD|PUT) /.test(bytes.toString("latin1", 0, 5));
      if (conduct !== "pass" && isHead) proxy.disturbed += 1;
      if (proxy.damagesBodies && !isHead) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      if (conduct === "pass" || conduct === "cut answer") {
        upstream.write(bytes);
      } else if (conduct === "cut request") {
        client.destroy();
      } else if (conduct === "busy") {
        client.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      }
    });
    upstream.on("data", (bytes) => {
      if (proxy.conduct === "cut answer") {
        client.destroy();
      } else {
        client.write(bytes);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: SeveringProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    conduct: "pass",
    damagesBodies: false,
    disturbed: 0,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
  return proxy;
}
