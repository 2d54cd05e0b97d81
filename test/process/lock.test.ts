import { existsSync, renameSync, symlinkSync } from "node:fs";
import { lstat, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { tryLock } from "../../src/process/lock.js";

/** An attempt to take the lock makes at least two file system calls for each of them. */
const DEAD_HOLDERS = 30;

const folder = await mkdtemp(join(tmpdir(), "ogr-lock-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Leaves a lock that several killed processes held in turn. Returns the link that the next holder creates. */
function leaveDeadHolders(path: string): string {
  let link = path;
  for (let number = 0; number < DEAD_HOLDERS; number += 1) {
    symlinkSync(`token-${number}:${process.pid}:another boot.1:host`, link);
    link = `${path}.token-${number}`;
  }
  return link;
}

test.each([4, 8, 16, 32])(
  "a lock is not taken over from dead holders if another process releases and takes it %i file system calls later",
  async (calls) => {
    const [path, taken] = [join(folder, `lock-${calls}`), join(folder, `taken-${calls}`)];
    await tryLock(taken);
    const next = leaveDeadHolders(path);
    const attempt = tryLock(path);
    for (let call = 0; call < calls; call += 1) await lstat(path);
    renameSync(taken, path);
    expect(await attempt).toMatchObject({ isHeld: false, holder: { pid: process.pid } });
    expect(existsSync(next)).toBe(false);
  },
);
