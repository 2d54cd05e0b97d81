import { randomInt } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../supervise.js";

/** The port of each listener if no other program uses it. */
export const DEFAULT_PORTS = {
  api: 7450,
  temporal: 7233,
  temporal_ui: 8233,
  object_store: 9000,
  postgres: 5432,
} as const;

/** The name of a listener. `api-2` and so on are further processes of the api, which have no default port. */
export type PortName = keyof typeof DEFAULT_PORTS | `api-${number}`;

/**
 * The range in which other free ports are searched. It lies below the range that systems use for outgoing connections, one of which could
 * take the port of a server that is being restarted.
 */
const OTHER_PORTS = { from: 20_000, to: 32_000 } as const;
const OTHER_PORTS_TRIED = 200;
/** How long a process that has just ended may still hold a remembered port. */
const FREED_WITHIN_MS = 10_000;
const START_ATTEMPTS_MAX = 3;

/**
 * Chooses a free port on the loopback interface for each name: the one this data folder used last, otherwise the default one, otherwise
 * any free one. The choice is stored in `<dataDir>/ports.json`, so that addresses stay the same.
 */
export function choosePorts<N extends PortName>(
  dataDir: string,
  names: readonly N[],
  defaults: Partial<Record<PortName, number>> = DEFAULT_PORTS,
): Promise<Record<N, number>> {
  return runAfterPrevious(() => assignPorts(dataDir, names, defaults));
}

/**
 * Returns once the ports that these names last had in this data folder are free.
 *
 * @throws if another program keeps one of them.
 */
export async function waitForFreePorts(dataDir: string, names: readonly PortName[], withinMs: number = FREED_WITHIN_MS): Promise<void> {
  const remembered = await readRememberedPorts(join(dataDir, "ports.json"));
  const deadline = performance.now() + withinMs;
  for (const name of names) {
    const port = remembered[name];
    while (port !== undefined && !(await isPortFree(port))) {
      if (performance.now() > deadline)
        throw new Error(`Port ${port} of ${name} is taken by another program: stop that program and try again.`);
      await sleep(100);
    }
  }
}

/** Calls `start` again if another program has taken its port between the choice and the bind. */
export async function retryOnTakenPort<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof StartError && error.isPortInUse) || attempt >= START_ATTEMPTS_MAX) throw error;
    }
  }
}

/** Serialises the choices: the servers start in parallel and share the file. */
function runAfterPrevious<T>(work: () => Promise<T>): Promise<T> {
  const chosen = previous.then(work);
  previous = chosen.then(ignore, ignore);
  return chosen;
}

let previous: Promise<void> = Promise.resolve();
const ignore = (): void => undefined;

async function assignPorts<N extends PortName>(
  dataDir: string,
  names: readonly N[],
  defaults: Partial<Record<PortName, number>>,
): Promise<Record<N, number>> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, "ports.json");
  const remembered = await readRememberedPorts(path);
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of names) {
    const others = Object.entries({ ...remembered, ...chosen }).filter(([other]) => other !== name);
    const taken = new Set(others.flatMap(([, port]) => port ?? []));
    const preferred = [remembered[name], defaults[name]].filter((port) => port !== undefined && !taken.has(port));
    chosen[name] = await findFreePort(preferred as number[], taken);
  }
  await writeFile(path, `${JSON.stringify({ ...remembered, ...chosen }, null, 2)}\n`);
  return chosen as Record<N, number>;
}

async function readRememberedPorts(path: string): Promise<Partial<Record<PortName, number>>> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Partial<Record<PortName, number>>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new Error(`${path} cannot be read; remove it and start again`, { cause: error });
  }
}

async function findFreePort(preferred: readonly number[], taken: ReadonlySet<number>): Promise<number> {
  for (const port of preferred) if (await isPortFree(port)) return port;
  for (let tried = 0; tried < OTHER_PORTS_TRIED; tried += 1) {
    const port = randomInt(OTHER_PORTS.from, OTHER_PORTS.to);
    if (!taken.has(port) && (await isPortFree(port))) return port;
  }
  for (;;) {
    const port = await bindOnce(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
}

/**
 * Returns whether nothing listens on the port and it can be bound. Binding alone does not tell: some systems allow a loopback bind beside
 * a wildcard listener.
 */
export async function isPortFree(port: number): Promise<boolean> {
  if (await isListening(port)) return false;
  return (await bindOnce(port)) !== undefined;
}

/** Returns whether something accepts TCP connections on this loopback port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function bindOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(undefined);
      else reject(error);
    });
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
