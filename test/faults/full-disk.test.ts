import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS, prepareCommand } from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt } from "./agreement.js";

const PROJECT = "P.full";
const SIZE_KIB = 4096;

/** A small tmpfs. Mounting it needs root. */
class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), "ogr-small-disk-"));
  readonly isMounted: boolean;

  constructor() {
    this.isMounted = this.#try("mount", "-t", "tmpfs", "-o", `size=${SIZE_KIB}k`, "tmpfs", this.path);
    if (!this.isMounted) rmSync(this.path, { recursive: true });
  }

  /** Fills the disk until no space is left. */
  fill(): void {
    this.#try("sh", "-c", `cat /dev/zero > "${join(this.path, "filler")}"`);
  }

  empty(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  remove(): void {
    if (!this.isMounted) return;
    execFileSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true });
  }

  #try(command: string, ...args: string[]): boolean {
    try {
      execFileSync(command, args, { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }
}

const disk = new SmallDisk();

describe.skipIf(!disk.isMounted)("a Runner whose disk is full", () => {
  let registry: ServedRegistry;
  let clone: Clone;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "full-disk" });
    clone = new Clone();
    clone.commit("base.txt", "base");
    await actByCard(registry, buildRegistrationJob(PROJECT));
    const work = join(disk.path, "work");
    mkdirSync(work);
    writeFileSync(join(disk.path, "filler"), "");
    await registry.lab512.stop();
    await registry.lab512.start({ env: { OGR_WORK_DIRECTORY: work } });
    await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/before"));
  });
  afterAll(() => registry?.stop());

  it("fails no act, which waits and ends once there is space", async () => {
    const author = registry.as("admin");
    disk.fill();
    clone.commit("more.txt", "more");
    const envelope = await prepareCommand(author, buildPushJob(clone, PROJECT, "feature/full"));
    requireValue(await author.issueCommand(envelope));
    await expect.poll(() => registry.lab512.readLogTail(200), { timeout: PATIENCE_MS, interval: 100 }).toMatch(/ENOSPC|No space left/i);
    expect(requireValue(await author.readCommand(envelope.jti)).status).toBe("running");
    disk.empty();
    expect((await waitForCommandEnd(author, envelope.jti, PATIENCE_MS)).status).toBe("success");
    await expectOneReceipt(registry, envelope.jti);
  });
});

afterAll(() => disk.remove());
