import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Connections beyond this many are closed at once: those that wait, those that ask, and idle ones. */
const CONNECTIONS_MAX = 10_000;

/**
 * Bounds the connections of a server, and answers what to call when it begins to stop: Node ends idle connections then, but not those on
 * which nothing was ever asked, such as a browser opens in advance, and would wait a minute for each.
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
