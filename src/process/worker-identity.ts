import { hostname } from "node:os";

/** How a process signs what it does in Temporal: `lab512/4711@host`, so that several machines can be told apart. */
export function formatWorkerIdentity(name: string): string {
  return `${name}/${process.pid}@${hostname()}`;
}
