import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { checkInvariants } from "../../faults/check/invariants.js";
import { waitUntilAtRest } from "../../faults/rest.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { toAnchorKey } from "../../src/domain/storage-key.js";
import { poll } from "../../src/stack/poll.js";
import { TENANT } from "../attacks/evidence.js";
import { runOgr, toPersonEnvironment } from "../cli/run-ogr.js";
import { expectProjectionsAgree } from "../faults/agreement.js";
import { toCheckTarget } from "../faults/check-target.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, openCard, PATIENCE_MS, stateDecision } from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { type BucketCopy, copyBuckets, restoreBuckets } from "./bucket-copy.js";
import { type OwnPostgres, startOwnPostgres } from "./own-postgres.js";

const PROJECT = "P.kept";
/** The tests wait several times until the registry is idle. */
const PATIENT = { timeout: 180_000 };
const OFTEN = { OGR_HOUSEKEEPING_EVERY_S: "1" };

describe.skipIf(inject("servers").s3 === undefined)("a registry restored from a backup of Postgres and of the store", () => {
  let registry: TestRegistry;
  let postgres: OwnPostgres;
  let clone: Clone;
  let backup: { readonly database: string; readonly store: BucketCopy; readonly seq: number };
  let [first, waiting]: [string, string] = ["", ""];

  beforeAll(async () => {
    postgres = await startOwnPostgres(await mkdtemp(join(tmpdir(), "ogr-restore-")));
    registry = await startTestRegistry({ name: "restore", databaseUrl: postgres.url, variables: { lab256: OFTEN } });
    clone = new Clone();
    first = clone.commit("a.txt", "before the backup");
    await actByCard(registry, buildRegistrationJob(PROJECT));
    await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/a"));
    waiting = (await openCard(registry.as("admin"), buildRegistrationJob("P.waiting"))).card_id;
    await waitUntilAtRest({ ...registry, tenant: TENANT });
    await waitUntilAnchored(await readHeadSeq());

    // The backup is taken without writers. Requests wait in Temporal meanwhile.
    await Promise.all([registry.lab256.stop(), registry.lab512.stop()]);
    const seq = await readHeadSeq();
    const prefix = registry.founded.rootStore.kind === "s3" ? (registry.founded.rootStore.bucket_prefix ?? "") : "";
    backup = { database: await postgres.backUp("backup"), store: await copyBuckets(prefix), seq };
    await Promise.all([registry.lab256.start(), registry.lab512.start()]);

    clone.commit("b.txt", "after the backup");
    await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/a", first));
    await waitUntilAtRest({ ...registry, tenant: TENANT });
    await waitUntilAnchored(await readHeadSeq());
  }, PATIENT.timeout);
  afterAll(async () => {
    await registry?.stop();
    await postgres?.close();
  });

  async function readHeadSeq(): Promise<number> {
    return requireValue(await registry.as("admin").verifyLedger()).entries;
  }

  async function waitUntilAnchored(seq: number): Promise<void> {
    const found = await poll(() => registry.store.blobs.stat(toAnchorKey(TENANT, seq)), { timeoutMs: PATIENCE_MS, everyMs: 200 });
    if (found === undefined) throw new Error(`Entry ${seq} was not anchored.`);
  }

  async function readBranchTip(): Promise<string | undefined> {
    return registry.as("admin").findRef(PROJECT, "refs/heads/feature/a");
  }

  it("reports a database older than its anchors if only the database is restored", PATIENT, async () => {
    await Promise.all([registry.api, registry.lab256, registry.lab512].map((process) => process.stop()));
    await postgres.restore(backup.database);
    await registry.api.start();
    const { code, stdout } = await runOgr(["ledger", "verify"], toPersonEnvironment(registry, "admin"));
    expect(code).toBe(1);
    expect(stdout).toContain("older than the anchor");
    expect(await readHeadSeq()).toBe(backup.seq);
  });

  it("is valid and continues if both are restored", PATIENT, async () => {
    await restoreBuckets(backup.store);
    const { code, stdout } = await runOgr(["ledger", "verify"], toPersonEnvironment(registry, "admin"));
    expect(stdout).toContain("is whole");
    expect(code).toBe(0);
    await expectProjectionsAgree(registry, TENANT);
    expect(await readBranchTip()).toBe(first);

    await Promise.all([registry.lab256.start(), registry.lab512.start()]);
    await waitUntilAtRest({ ...registry, tenant: TENANT });
    // Compares receipts, claims and anchors of the store with the ledger, and runs `git fsck` on every repository.
    const target = await toCheckTarget(registry, { commands: [], cards: [waiting] });
    expect((await checkInvariants(target)).violations).toEqual([]);

    // The card that was open at the time of the backup still waits in Temporal.
    await stateDecision(registry, "bob", "approve", { card_id: waiting });
    expect((await waitForCardEnd(registry.as("admin"), waiting, PATIENCE_MS)).status).toBe("success");
    const { command } = await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/a", first));
    expect(command.status).toBe("success");
    await waitUntilAtRest({ ...registry, tenant: TENANT });
    expect((await checkInvariants({ ...target, promised: { commands: [command.jti], cards: [waiting] } })).violations).toEqual([]);
  });
});
