import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that forwards requests and can drop the responses. */
export interface MuteProxy {
  readonly address: string;
  isMuted: boolean;
  close(): Promise<void>;
}

export async function startMuteProxy(address: string): Promise<MuteProxy> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // When the process at one end is killed, the proxy closes the other end.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => proxy.isMuted || client.write(bytes));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: MuteProxy = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    isMuted: false,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
