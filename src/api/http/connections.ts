import type { Server } from "node:http";
import type { Socket } from "node:net";

/** The largest number of connections, busy or idle. Further ones are closed immediately. */
const CONNECTIONS_MAX = 10_000;

/**
 * Limits the connections of a server. Call the returned function when the server starts to stop: Node then closes idle connections, but
 * waits a minute for those without any request, which browsers open in advance.
 */
export function limitConnections(server: Server): () => void {
  const open = new Set<Socket>();
  server.maxConnections = CONNECTIONS_MAX;
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
