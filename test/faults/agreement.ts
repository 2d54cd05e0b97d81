import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { git, gitLines } from "../../src/client/git-command.js";
import { required } from "../../src/client/problem.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { canonicalBytes } from "../../src/domain/canonical.js";
import { receiptKey } from "../../src/domain/storage-key.js";
import { refsOf, TENANT } from "../attacks/evidence.js";
import type { TestRegistry } from "../harness/registry.js";

/** The command is a success, and its receipt in the ledger is the one in the store. */
export async function expectOneReceipt(registry: TestRegistry, jti: string): Promise<void> {
  const { status, receipt } = required(await registry.as("admin").command(jti));
  expect(status).toBe("success");
  expect(receipt?.status).toBe("success");
  const kept = await registry.store.blobs.get(receiptKey(TENANT, jti));
  expect(kept).toEqual(canonicalBytes(receipt));
}

/** What lies in the store is a sound repository, and the catalog shows its refs. */
export async function expectRefsAgree(registry: TestRegistry, project_id: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-agree-"));
  try {
    await mirrorRepository(registry.store, TENANT, project_id, folder);
    await git(folder, ["-c", "safe.directory=*", "fsck", "--strict", "--full"]);
    const lines = await gitLines(folder, [
      "-c",
      "safe.directory=*",
      "for-each-ref",
      "--format=%(refname) %(objectname)",
      "refs/heads",
      "refs/tags",
    ]);
    expect(await refsOf(registry, project_id)).toEqual(Object.fromEntries(lines.map((line) => line.split(" "))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
