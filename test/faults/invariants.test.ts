import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { checkInvariants } from "../../faults/check/invariants.js";
import { findTrailViolations } from "../../faults/check/ref-moves.js";
import { actByCard, actByPermit, buildPushJob, buildRegistrationJob, PATIENCE_MS } from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { toCheckTarget } from "./check-target.js";

const [ZERO, A, B, C] = ["0", "a", "b", "c"].map((digit) => digit.repeat(40)) as [string, string, string, string];

describe("the moves of a ref", () => {
  const buildMove = (jti: string, old: string, next: string) => ({ jti, old, new: next });

  it("are valid if they lead from nothing to the current id, also back and forth", () => {
    expect(findTrailViolations("r", [], undefined)).toEqual([]);
    expect(findTrailViolations("r", [buildMove("1", ZERO, A), buildMove("2", A, B)], B)).toEqual([]);
    expect(findTrailViolations("r", [buildMove("2", A, B), buildMove("1", ZERO, A), buildMove("3", B, ZERO)], undefined)).toEqual([]);
    expect(
      findTrailViolations("r", [buildMove("1", ZERO, A), buildMove("2", A, B), buildMove("3", B, A), buildMove("4", A, B)], B),
    ).toEqual([]);
  });

  it.each([
    ["a move without a receipt", [buildMove("1", ZERO, A)], B],
    ["a receipt without its move", [buildMove("1", ZERO, A), buildMove("2", A, B)], A],
    ["a duplicate move", [buildMove("1", ZERO, A), buildMove("2", A, B), buildMove("3", A, B)], B],
    ["a ref without a move", [], A],
    ["a move from an id that the ref never had", [buildMove("1", ZERO, A), buildMove("2", B, C), buildMove("3", C, B)], A],
  ])("reveal %s", (_, moves, current) => {
    expect(findTrailViolations("r", moves, current)).not.toEqual([]);
  });
});

describe.skipIf(inject("servers").s3 === undefined)("the checker of the campaign", () => {
  let registry: ServedRegistry;
  let jti: string;
  let client: pg.Client;

  beforeAll(async () => {
    registry = await startRegistryInProcess({ name: "invariants" });
    const clone = new Clone();
    clone.commit("a", "a");
    await actByCard(registry, buildRegistrationJob("P.checked"));
    const { command } = await actByPermit(registry.as("admin"), buildPushJob(clone, "P.checked", "feature/a"));
    jti = command.jti;
    client = new pg.Client({ connectionString: registry.databaseUrl });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await registry?.stop();
  });

  async function findViolations(promised: string[] = [jti]): Promise<readonly string[]> {
    const report = await checkInvariants(await toCheckTarget(registry, { commands: promised, cards: [] }));
    return report.violations;
  }

  it("finds no violation in a valid registry", async () => {
    // Temporal lists the flow of an act as running for a moment after the act's receipt.
    await expect.poll(() => findViolations(), { timeout: PATIENCE_MS }).toEqual([]);
  });

  it("finds an accepted command without a result", async () => {
    expect(await findViolations(["00000000-0000-4000-8000-000000000000"])).toHaveLength(2);
  });

  it("finds a row that differs from the store", async () => {
    await client.query("update registry_refs set object_id = $1 where name = 'refs/heads/feature/a' and balance > 0", [A]);
    expect(await findViolations()).toEqual([expect.stringContaining("refs/heads/feature/a")]);
  });

  it("finds a branch that was moved in the store", async () => {
    const key = "repos/T.UBL/P.checked.git/packed-refs";
    const found = await registry.store.pointers.read(key);
    const text = Buffer.from(found?.bytes ?? []).toString("utf8");
    await registry.store.pointers.swap(key, found?.version ?? null, Buffer.from(text.replaceAll(/^[0-9a-f]{40}(?= refs\/heads)/gm, B)));
    expect((await findViolations()).length).toBeGreaterThan(1);
  });
});
