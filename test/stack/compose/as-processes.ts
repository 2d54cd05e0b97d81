import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isListening } from "../../../src/stack/servers/ports.js";
import type { Supervisor } from "../../../src/stack/supervise.js";
import { type Compose, type ComposeService, listMounts } from "./file.js";

/** Replaces an image: the folders of its programs and its working directory. */
export interface Image {
  readonly programs: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Place {
  /** Holds a folder for the volumes, the secrets and the mounted files. */
  readonly folder: string;
  readonly supervisor: Supervisor;
  /** The actual port for each port in the file. */
  readonly ports: Readonly<Record<string, number>>;
  resolveImage(name: string, service: ComposeService): Image;
  /** Does what the image's entrypoint does before its command. Returns further arguments of the command. */
  prepareEntrypoint(name: string, service: ComposeService, told: Readonly<Record<string, string>>): Promise<readonly string[]>;
  /** The user of the image's process, if not the caller. */
  findIdentity(name: string): { readonly uid?: number; readonly gid?: number };
}

const readyMs = 120_000;
/** As in a container, a check waits after a failed one: most are processes, which would slow down the service that they wait for. */
const HEALTH_EVERY_MS = 500;

/** Runs the services of a compose file as plain processes, with its commands and environment but other addresses and paths. */
export class ComposeProcesses {
  readonly #started = new Map<string, Promise<void>>();

  constructor(
    private readonly compose: Compose,
    private readonly place: Place,
  ) {}

  /** Starts a service after its dependencies, unless it was started. Returns when it is healthy or, for a step, has exited with 0. */
  startService(name: string): Promise<void> {
    const known = this.#started.get(name);
    if (known !== undefined) return known;
    const starting = this.#start(name);
    this.#started.set(name, starting);
    return starting;
  }

  /** Runs a step again. Returns its output. */
  async runAgain(name: string): Promise<string> {
    return this.#runStep(name, this.#getService(name));
  }

  /** Replaces the addresses, paths and ports of the file in a text. */
  translateText(text: string): string {
    const { folder, ports } = this.place;
    const mounts = Object.values(this.compose.services).flatMap(listMounts);
    const targets = new Map(mounts.map(({ source, target }) => [target, this.#resolvePath(source)]));
    let told = text.replaceAll("/run/secrets/", `${folder}/secrets/`).replaceAll(/\/run\/(minio|mc)\b/g, `${folder}/run/$1`);
    for (const [target, path] of targets) told = told.replaceAll(new RegExp(`(?<![\\w/.-])${target}(?![\\w.-])`, "g"), path);
    told = told.replace(/(?<=--endpoint )postgres\b|\b(?:postgres|temporal|minio)(?=:\d{4})|\b0\.0\.0\.0\b/g, "127.0.0.1");
    told = told.replace(/^:(?=\d{4}$)/, "127.0.0.1:");
    return told.replace(/\b\d{4}\b/g, (port) => String(ports[port] ?? port));
  }

  async #start(name: string): Promise<void> {
    const service = this.#getService(name);
    await Promise.all(Object.keys(service.depends_on).map((one) => this.startService(one)));
    if (this.#isStep(name)) {
      await this.#runStep(name, service);
      return;
    }
    const [command, ...args] = await this.#buildCommand(name, service);
    const { cwd } = this.place.resolveImage(name, service);
    await this.place.supervisor.start({
      name,
      command: command ?? "",
      args,
      env: this.#buildEnvironment(name, service),
      readyTimeoutMs: readyMs,
      isReady: async () => (await this.#isHealthy(name, service)) || delay(HEALTH_EVERY_MS, false),
      ...(cwd === undefined ? {} : { cwd }),
      ...this.place.findIdentity(name),
    });
  }

  /** Tells whether another service waits for this one to exit. */
  #isStep(name: string): boolean {
    return Object.values(this.compose.services).some((one) => one.depends_on[name]?.condition === "service_completed_successfully");
  }

  async #runStep(name: string, service: ComposeService): Promise<string> {
    const [command = "", ...args] = await this.#buildCommand(name, service);
    const { code, output } = await runProgram(
      command,
      args,
      this.#buildEnvironment(name, service),
      this.place.resolveImage(name, service).cwd,
    );
    if (code !== 0) throw new Error(`${name} ended with ${code}:\n${output}`);
    return output;
  }

  async #buildCommand(name: string, service: ComposeService): Promise<string[]> {
    await this.#mount(service);
    const told = this.#buildEnvironment(name, service);
    const more = await this.place.prepareEntrypoint(name, service, told);
    const [program = "", ...args] = [...service.entrypoint, ...service.command].map((one) => this.translateText(one));
    return [this.place.resolveImage(name, service).programs[program] ?? program, ...args, ...more];
  }

  #buildEnvironment(name: string, service: ComposeService): Record<string, string> {
    const programs = Object.values(this.place.resolveImage(name, service).programs).map(dirname);
    const told = Object.entries(service.environment).map(([key, value]) => [key, this.translateText(value)]);
    return { PATH: [...new Set(programs), process.env.PATH ?? ""].join(":"), ...Object.fromEntries(told) };
  }

  /** Runs the health check. If its program exists only in the image, checks the port instead. */
  async #isHealthy(name: string, service: ComposeService): Promise<boolean> {
    const [kind, program = "", ...args] = (service.healthcheck?.test ?? []).map((one) => this.translateText(one));
    if (kind !== "CMD") throw new Error(`${name} has no health check that can be run`);
    const image = this.place.resolveImage(name, service);
    const { code } = await runProgram(image.programs[program] ?? program, args, this.#buildEnvironment(name, service), image.cwd);
    if (code !== undefined) return code === 0;
    const port = args.join(" ").match(/\d{4,5}/)?.[0];
    return port !== undefined && isListening(Number(port));
  }

  #resolvePath(source: string): string {
    return source.startsWith("./") ? join(this.place.folder, "mounts", basename(source)) : join(this.place.folder, "volumes", source);
  }

  /** Mounts a service's files with addresses and paths replaced. */
  async #mount(service: ComposeService): Promise<void> {
    for (const { source } of listMounts(service)) {
      const path = this.#resolvePath(source);
      await mkdir(source.startsWith("./") ? dirname(path) : path, { recursive: true });
      if (source.startsWith("./")) await writeFile(path, this.translateText(await readFile(source, "utf8")));
    }
  }

  #getService(name: string): ComposeService {
    const service = this.compose.services[name];
    if (service === undefined) throw new Error(`the compose file has no service ${name}`);
    return service;
  }
}

/** Runs a program. Returns its output and its exit code, which is `undefined` if the program does not exist. */
function runProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<{ code: number | undefined; output: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: readyMs, ...(cwd === undefined ? {} : { cwd }) }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : error.code === "ENOENT" ? undefined : 1;
      resolve({ code, output: stdout + stderr });
    });
  });
}
