import { hostname } from "node:os";

/** How often a worker tells Temporal that it runs, in milliseconds. */
export const WORKER_HEARTBEAT_MS = 3_000;

/** The identity of a process in Temporal, such as `lab512/4711@host`. */
export function formatWorkerIdentity(name: string): string {
  return `${name}/${process.pid}@${hostname()}`;
}
