import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { runGit, runGitForLines } from "../../src/client/git/git-command.js";
import { requireValue } from "../../src/client/http/problem.js";
import { mirrorRepository } from "../../src/demo/mirror.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { type LedgerEntry, toRegistryContainer } from "../../src/domain/ledger/event.js";
import { toReceiptKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { readStoredEntries, toLedgerEntry } from "../../src/lab256/ledger/read-entries.js";
import { verifyProjections } from "../../src/lab256/ledger/verify-projections.js";
import { readCatalogRefs, TENANT } from "../attacks/evidence.js";
import type { ServedRegistry } from "../harness/registry.js";

/** Expects that the command succeeded and that its receipts in ledger and store are equal. */
export async function expectOneReceipt(registry: ServedRegistry, jti: string): Promise<void> {
  const { status, receipt } = requireValue(await registry.as("admin").readCommand(jti));
  expect(status).toBe("success");
  expect(receipt?.status).toBe("success");
  const kept = await registry.store.blobs.get(toReceiptKey(TENANT, jti));
  expect(kept).toEqual(toCanonicalBytes(receipt));
}

/** Expects that the stored repository passes fsck and that the catalog shows its refs. */
export async function expectRefsAgree(registry: ServedRegistry, project_id: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-agree-"));
  try {
    await mirrorRepository(registry.store, TENANT, project_id, folder);
    await runGit(folder, ["-c", "safe.directory=*", "fsck", "--strict", "--full"]);
    const lines = await runGitForLines(folder, [
      "-c",
      "safe.directory=*",
      "for-each-ref",
      "--format=%(refname) %(objectname)",
      "refs/heads",
      "refs/tags",
    ]);
    expect(await readCatalogRefs(registry, project_id)).toEqual(Object.fromEntries(lines.map((line) => line.split(" "))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads a tenant's whole ledger in order. */
export async function readTenantLedger({ databaseUrl }: ServedRegistry, tenant: string): Promise<LedgerEntry[]> {
  const db = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    const entries: LedgerEntry[] = [];
    for await (const row of readStoredEntries(db, toRegistryContainer(tenant))) entries.push(toLedgerEntry(row));
    return entries;
  } finally {
    await db.destroy();
  }
}

/** Returns the entries about an act, a card or a project. The key of a refusal is its signature, so its jti is compared. */
export function filterEntriesAbout(ledger: readonly LedgerEntry[], about: readonly string[]): LedgerEntry[] {
  return ledger.filter(({ key, type, payload }) => {
    const names = type === "receipt.refused" ? [(payload as { refusal: { jti: string } }).refusal.jti] : key.split("/");
    return names.some((name) => about.includes(name));
  });
}

/** Expects that a tenant's projections equal a rebuild from its ledger. */
export async function expectProjectionsAgree({ databaseUrl }: ServedRegistry, tenant: string): Promise<void> {
  const db = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    expect(await verifyProjections(db, tenant)).toMatchObject({ ok: true });
  } finally {
    await db.destroy();
  }
}

/** Expects that the anchors of a tenant's ledger are equal in store and ledger. */
export async function expectAnchorsAgree({ databaseUrl, store }: ServedRegistry, tenant: string): Promise<void> {
  const anchored: unknown[] = [];
  for await (const key of store.blobs.list(`anchors/${tenant}/`)) {
    const { seq, hash } = JSON.parse(Buffer.from((await store.blobs.get(key)) ?? []).toString("utf8"));
    anchored.push({ seq, hash });
  }
  const db = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    const rows = db.selectFrom("ledger_anchors").select(["seq", "hash"]).where("container", "=", toRegistryContainer(tenant));
    expect(anchored.length).toBeGreaterThan(0);
    expect(await rows.orderBy("seq").execute()).toEqual(anchored);
  } finally {
    await db.destroy();
  }
}
