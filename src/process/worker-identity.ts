import { hostname } from "node:os";

/** The identity of a process in Temporal, such as `lab512/4711@host`. */
export function formatWorkerIdentity(name: string): string {
  return `${name}/${process.pid}@${hostname()}`;
}
