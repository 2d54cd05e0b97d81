import type { ProcessExit, Supervisor } from "../supervise.js";
import { type OwnProcess, type OwnProcessSpec, startProcess } from "./processes.js";

export const REGISTRY_PROCESSES = ["api", "lab256", "lab512"] as const;
export type RegistryProcessName = (typeof REGISTRY_PROCESSES)[number];

/** What a start may override: the module to run, and more environment variables. */
export type ProcessChanges = Partial<Pick<OwnProcessSpec, "entry" | "env">>;

/** One process of a registry, which can be ended and started again while the others run. */
export class RegistryProcess {
  #running: OwnProcess | undefined;

  constructor(
    private readonly supervisor: Supervisor,
    private readonly spec: OwnProcessSpec,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  get isRunning(): boolean {
    return this.#running !== undefined && this.#running.findExit() === undefined;
  }

  /** @throws if it was never started. */
  get pid(): number {
    return this.running.pid;
  }

  /** Settles when the current process has ended. */
  get exited(): Promise<ProcessExit> {
    return this.running.exited;
  }

  /** Returns what it announced when it became ready. */
  get announcement(): Readonly<Record<string, unknown>> {
    return this.running.announcement;
  }

  /** Returns the last lines of its log. */
  readLogTail(lines: number): string {
    return this.running.log.readTail(lines);
  }

  /**
   * Starts it and returns when it is ready.
   *
   * @throws StartError with the end of its log, or Error if it is already running.
   */
  async start(changes: ProcessChanges = {}): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} is already running: stop or kill it first`);
    const env = { ...this.spec.env, ...changes.env };
    this.#running = await startProcess(this.supervisor, { ...this.spec, ...changes, env });
  }

  /** Ends it with SIGKILL, whatever it is doing, and returns when it has ended. */
  async kill(): Promise<void> {
    const { running } = this;
    running.kill("SIGKILL");
    await running.exited;
  }

  /** Asks it to stop and returns when it has ended. */
  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  private get running(): OwnProcess {
    if (this.#running === undefined) throw new Error(`${this.name} was never started`);
    return this.#running;
  }
}
