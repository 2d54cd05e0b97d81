/**
 * A lock between processes. It does not use src/process/lock.ts, because plain Node runs it before TypeScript or any dependency is
 * installed.
 */
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Takes the lock at `path`, a folder of numbered files of which the highest belongs to the current holder. Waits while that
 * process runs. Numbers never decrease, so that no process takes over from an outdated state. Returns the release function.
 */
export async function takeLock(path, onWait) {
  mkdirSync(path, { recursive: true });
  for (let told = false; ; ) {
    const highest = Math.max(0, ...numbersIn(path));
    const holder = highest === 0 ? 0 : readHolder(join(path, String(highest)));
    if (holder > 0 && isAlive(holder)) {
      if (!told) onWait(holder);
      told = true;
      await sleep(500);
      continue;
    }
    const mine = highest + 1;
    if (!place(path, mine, process.pid, linkSync)) continue;
    const others = numbersIn(path);
    const overtaken = others.some((number) => number > mine);
    for (const number of overtaken ? [mine] : others.filter((other) => other < mine)) {
      rmSync(join(path, String(number)), { force: true });
    }
    // After a release the file stays, without a process.
    if (!overtaken) return () => place(path, mine, 0, renameSync);
  }
}

function place(path, number, pid, put) {
  const draft = join(path, `draft-${process.pid}`);
  writeFileSync(draft, String(pid));
  try {
    put(draft, join(path, String(number)));
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

const numbersIn = (path) =>
  readdirSync(path)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function readHolder(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return 0;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
