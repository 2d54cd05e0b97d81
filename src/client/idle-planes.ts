import { healthSchema } from "./answers.js";
import { askRegistry, type Connection } from "./http/http.js";
import { RegistryFault } from "./http/problem.js";

/** How long nothing may change before a wait asks why, in milliseconds. */
const QUIET_MAX_MS = 5_000;

/** What each plane does for the acts that somebody waits for. */
const WORK: Readonly<Record<string, string>> = {
  LAB_256: "no card or command moves",
  LAB_512: "nothing is planned and no command runs",
};

/** Tells a person who waits, once for each plane, that no worker of the plane runs. */
export class IdlePlanes {
  private readonly told = new Set<string>();
  private askAfterMs = performance.now() + QUIET_MAX_MS;

  constructor(private readonly connection: Connection) {}

  /** Call it whenever a request has waited without an answer to what is waited for. */
  async look(): Promise<void> {
    const { notify } = this.connection;
    if (notify === undefined || performance.now() < this.askAfterMs) return;
    this.askAfterMs = performance.now() + QUIET_MAX_MS;
    for (const plane of await this.listIdle()) {
      if (!this.told.has(plane))
        notify(`No worker polls ${plane}, so ${WORK[plane] ?? "nothing moves"}. Waiting for one; tell the operator.`);
      this.told.add(plane);
    }
  }

  private async listIdle(): Promise<readonly string[]> {
    const health = await askRegistry(this.connection, { method: "GET", path: "/health" }, healthSchema).catch((error: unknown) => {
      // The wait itself reports a registry that does not answer.
      if (error instanceof RegistryFault) return undefined;
      throw error;
    });
    if (health === undefined || !health.ok) return [];
    return (health.value.pollers ?? []).flatMap(({ task_queue, pollers }) => (pollers === 0 ? [task_queue] : []));
  }
}
