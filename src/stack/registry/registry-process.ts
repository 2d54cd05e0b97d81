import type { ProcessExit, Supervisor } from "../supervise.js";
import { type OwnProcess, type OwnProcessSpec, startProcess } from "./processes.js";

export const REGISTRY_PROCESSES = ["api", "lab256", "lab512"] as const;
export type RegistryProcessName = (typeof REGISTRY_PROCESSES)[number];

/** What of a process a start may replace: another module in its place, more environment. */
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

  /** @throws when it does not run. */
  get pid(): number {
    return this.running.pid;
  }

  /** Settles when the process that runs now has ended. */
  get exited(): Promise<ProcessExit> {
    return this.running.exited;
  }

  /** What it said of itself when it was ready. */
  get announcement(): Readonly<Record<string, unknown>> {
    return this.running.announcement;
  }

  /** The last lines of its log. */
  readLogTail(lines: number): string {
    return this.running.log.readTail(lines);
  }

  /** Starts it and returns when it serves. @throws StartError with the end of its log; Error when it runs already. */
  async start(changes: ProcessChanges = {}): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} runs already: stop or kill it first`);
    const env = { ...this.spec.env, ...changes.env };
    this.#running = await startProcess(this.supervisor, { ...this.spec, ...changes, env });
  }

  /** Ends it with SIGKILL, in the middle of whatever it does, and returns when it is gone. */
  async kill(): Promise<void> {
    const { running } = this;
    running.kill("SIGKILL");
    await running.exited;
  }

  /** Asks it to stop and returns when it is gone. */
  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  private get running(): OwnProcess {
    if (this.#running === undefined) throw new Error(`${this.name} was never started`);
    return this.#running;
  }
}
