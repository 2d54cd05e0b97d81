import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryFolderLock, withFolderLock } from "../../src/process/lock.js";
import { readProcessIdentity } from "../../src/process/process-identity.js";
import { endLeftovers, resolvePidPath, writePidFile } from "../../src/stack/leftovers.js";
import { poll } from "../../src/stack/poll.js";
import { buildNodeArguments } from "../../src/stack/registry/own-entry.js";
import { startProcess } from "../../src/stack/registry/processes.js";
import { Supervisor } from "../../src/stack/supervise.js";

const entry = fileURLToPath(new URL("./chatty-process.js", import.meta.url));
const ignoreLine = (): void => undefined;
let dataDir: string;
let supervisor: Supervisor;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "ogr-supervision-"));
  supervisor = new Supervisor(dataDir);
});
afterEach(async () => {
  await supervisor.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const waitUntilEnded = (pid: number) =>
  poll(async () => ((await readProcessIdentity(pid)) === undefined ? true : undefined), { timeoutMs: 20_000 });

describe("a supervised process", () => {
  test("is ready when it announces so, and inherits only the given environment", async () => {
    const child = await startProcess(supervisor, { name: "chatty", entry, env: { CHATTY_WORDS: "hello" } });
    expect(child.announcement).toMatchObject({ ready: true, words: "hello" });
    const passed = ["HOME", "NODE_OPTIONS", "PATH", "TMPDIR"];
    const known = (child.announcement.names as string[]).filter((name) => !passed.includes(name));
    expect(known).toEqual(["CHATTY_WORDS"]);
  });

  test("that exits during its start throws an error with the end of its log", async () => {
    const start = startProcess(supervisor, { name: "chatty", entry, env: { CHATTY_MODE: "fail" } });
    await expect(start).rejects.toThrow(/chatty ended while starting[\s\S]*the configuration names no queue/);
    expect(supervisor.processes).toEqual([]);
  });

  test("that is never ready is ended, and the error names its log", async () => {
    const start = supervisor.start({
      ...{ name: "never", command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"], env: {} },
      ...{ isReady: () => false, readyTimeoutMs: 300 },
    });
    await expect(start).rejects.toThrow(join(dataDir, "logs", "never.log"));
    expect(supervisor.processes).toEqual([]);
  });

  test("can be killed, reports how it ended and leaves no pid file", async () => {
    const child = await startProcess(supervisor, { name: "chatty", entry, env: {} });
    child.kill("SIGKILL");
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
    expect(await readdir(join(dataDir, "run"))).toEqual([]);
  });

  test("that ignores SIGTERM is killed after the grace period", async () => {
    const child = await startProcess(supervisor, { name: "chatty", entry, env: { CHATTY_MODE: "stubborn" }, stopGraceMs: 500 });
    await child.stop();
    expect(child.findExit()).toEqual({ code: null, signal: "SIGKILL" });
  });
});

describe("a process left behind by a killed run", () => {
  /** Kills a run in a child process so that it cannot clean up. */
  async function killRun(): Promise<number> {
    const module = new URL("../../src/stack/supervise.js", import.meta.url).href.replace(/\.js$/, ".ts");
    const code = `import { Supervisor } from ${JSON.stringify(module)};
      const s = new Supervisor(${JSON.stringify(dataDir)});
      const c = await s.start({ name: "left", command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"], env: {}, isReady: () => true });
      console.log(c.pid);`;
    const script = join(dataDir, "run.mts");
    await writeFile(script, code);
    const run = spawn(process.execPath, buildNodeArguments(script), { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => run.stdout.once("data", (chunk) => resolve(Number(chunk))));
    run.kill("SIGKILL");
    await new Promise((resolve) => run.once("exit", resolve));
    return pid;
  }

  test("is ended by the next start", async () => {
    const pid = await killRun();
    expect(await readProcessIdentity(pid)).toBeDefined();
    expect(await endLeftovers(dataDir, ignoreLine)).toEqual(["left"]);
    expect(await waitUntilEnded(pid)).toBe(true);
  });

  test("is not ended if its pid now belongs to another process", async () => {
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
    const pid = stranger.pid as number;
    await writePidFile(dataDir, { name: "left", pid, identity: "another boot:1", stop_signal: "SIGTERM" });
    expect(await endLeftovers(dataDir, ignoreLine)).toEqual([]);
    expect(await readProcessIdentity(pid)).toBeDefined();
    stranger.kill("SIGKILL");
    expect(await waitUntilEnded(pid)).toBe(true);
  });

  test("does not fail the start with a truncated pid file", async () => {
    await endLeftovers(dataDir, ignoreLine);
    await writeFile(resolvePidPath(dataDir, "left"), '{"name":"le');
    expect(await endLeftovers(dataDir, ignoreLine)).toEqual([]);
    expect(await readdir(join(dataDir, "run"))).toEqual([]);
  });
});

describe("a lock", () => {
  let holders = 0;

  test("has one holder at a time under concurrent attempts", async () => {
    const path = join(dataDir, "one.lock");
    const attempts = await Promise.all(Array.from({ length: 16 }, () => tryFolderLock(path)));
    expect(attempts.filter((attempt) => attempt.isHeld)).toHaveLength(1);
  });

  test("can be taken again after its release, by one holder", async () => {
    const path = join(dataDir, "one.lock");
    const held = await Promise.all(
      Array.from({ length: 8 }, async () => {
        let inside = 0;
        for (let round = 0; round < 5; round += 1) {
          await withFolderLock(path, ignoreLine, async () => {
            holders += 1;
            expect(holders).toBe(1);
            await readProcessIdentity(process.pid);
            holders -= 1;
            inside += 1;
          });
        }
        return inside;
      }),
    );
    expect(held).toEqual(Array(8).fill(5));
  });

  test("of an ended process can be taken", async () => {
    const path = join(dataDir, "one.lock");
    await mkdir(path);
    await symlink(`token:${process.pid}:another boot.1:host`, join(path, "holder"));
    const attempts = await Promise.all(Array.from({ length: 16 }, () => tryFolderLock(path)));
    expect(attempts.filter((attempt) => attempt.isHeld)).toHaveLength(1);
  });
});
