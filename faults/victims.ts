import type { RunningRegistry } from "../src/stack/registry/registry.js";
import type { RegistryProcess } from "../src/stack/registry/registry-process.js";
import { SERVER_NAMES, type ServerName, type Servers } from "../src/stack/servers/servers.js";

const PROCESSES = ["api", "lab256", "lab512"] as const;
export const VICTIMS = [...PROCESSES, ...SERVER_NAMES] as const;
export type Victim = (typeof VICTIMS)[number];

/** The processes of a registry and its servers, which can be killed and restarted. */
export class Victims {
  readonly kills: Record<Victim, number> = createZeroCounts();
  readonly ended: Record<Victim, number> = createZeroCounts();
  readonly #down = new Set<Victim>();

  constructor(
    private readonly servers: Servers,
    private readonly registry: RunningRegistry,
  ) {}

  /** Kills the victim with SIGKILL. */
  async kill(victim: Victim): Promise<void> {
    if (!this.#isRunning(victim)) return;
    this.kills[victim] += 1;
    this.#down.add(victim);
    const process = this.#findProcess(victim);
    if (process !== undefined) await process.kill();
    else await this.servers.kill(victim as ServerName);
  }

  /** Starts every stopped victim, servers first, since the processes need them. */
  async reviveAll(): Promise<void> {
    const down = VICTIMS.filter((victim) => !this.#isRunning(victim));
    for (const victim of down) {
      if (!this.#down.has(victim)) this.ended[victim] += 1;
      this.#down.delete(victim);
    }
    await Promise.all(SERVER_NAMES.filter((name) => down.includes(name)).map((name) => this.servers.restart(name)));
    await Promise.all(PROCESSES.filter((name) => down.includes(name)).map((name) => this.#restart(this.registry.processes[name])));
  }

  /** Restarts a process until its start succeeds. A process exits if the store fails during its start. */
  async #restart(process: RegistryProcess): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await process.start();
      } catch (error) {
        if (tries === 10) throw error;
      }
    }
  }

  #isRunning(victim: Victim): boolean {
    return this.#findProcess(victim)?.isRunning ?? this.servers.isRunning(victim as ServerName);
  }

  #findProcess(victim: Victim): RegistryProcess | undefined {
    return (PROCESSES as readonly string[]).includes(victim) ? this.registry.processes[victim as (typeof PROCESSES)[number]] : undefined;
  }
}

function createZeroCounts(): Record<Victim, number> {
  return { api: 0, lab256: 0, lab512: 0, temporal: 0, minio: 0, postgres: 0 };
}
