import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyReceiptPact } from "../../../src/client/offline/pact.js";
import type { Job, MergeStrategy } from "../../../src/domain/act/job.js";
import type { CommandEnvelope } from "../../../src/domain/permit/envelope.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toPactKey } from "../../../src/domain/storage-key.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { readClaim } from "../../../src/storage/claims.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildRunnerCommand,
  PROJECT,
  readTip,
  registerByRunner,
  runEnvelope,
  stagePushJob,
  waitForReceipt,
} from "./commands.js";
import { openWorld, TENANT, toJwks, type World } from "./world.js";

const MAIN = "refs/heads/main";

let world: World;
let deps: RunnerDependencies;
let clone: Clone;
let base: string;
let branches = 0;

beforeAll(async () => {
  world = await openWorld();
  deps = await world.openRunner();
  await registerByRunner(world, deps);
  clone = new Clone();
  base = clone.commit("base.txt", "base\n");
  await merge(await approveMerge(base, "fast-forward"));
});
afterAll(() => world.close());

/** Pushes a commit to a branch of its own. Returns the approved command that merges it into main, wherever main is. */
async function approveMerge(commit = commitAhead(), strategy: MergeStrategy = "merge"): Promise<CommandEnvelope> {
  branches += 1;
  const source = `feature/${branches}`;
  const push = await stagePushJob(world, clone.bundle("HEAD"), { branch: source });
  expect(await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: push })))).toMatchObject({ status: "success" });
  const params = { project_id: PROJECT, source, target: "main", expected_source: commit, strategy } as const;
  const job: Job = { jobType: "git.registry.merge_protected", params };
  return buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") });
}

function commitAhead(): string {
  clone.git("checkout", "-q", "--detach", base);
  return clone.commit(`${branches}.txt`, "more\n");
}

async function merge(envelope: CommandEnvelope) {
  const receipt = await waitForReceipt(runEnvelope(deps, envelope));
  expect(receipt.status, receipt.error).toBe("success");
  return receipt;
}

const openRunnerThat = (wanted: JobStep, act: () => unknown) =>
  world.openRunner({ onStep: async (_, step) => (step === wanted ? void (await act()) : undefined) });

describe("a merge that leaves its target to the plan", () => {
  it("merges into the target that its approvers saw, and claim, receipt and Pact name it", async () => {
    const before = await readTip(world, "main");
    const envelope = await approveMerge();
    const receipt = await merge(envelope);
    const tip = receipt.refs[0]?.new ?? "";
    expect(receipt.refs).toEqual([{ name: MAIN, old: before, new: tip }]);
    expect((await readClaim(world.store, TENANT, receipt.jti))?.claim).toMatchObject({ pinned_target: before });
    const sealed = JSON.parse(Buffer.from((await world.store.blobs.get(toPactKey(TENANT, PROJECT, tip, receipt.jti))) ?? []).toString());
    const { receipt: runner, permit, statement } = world.keys;
    expect(verifyReceiptPact(receipt, sealed, toJwks(runner, permit, statement))).toMatchObject({
      valid: true,
      pact: { predicate: { merge: { target: { branch: "main", commit: before }, parents: [before, expect.any(String)] } } },
    });
  });

  it("changes nothing if the target moves after the Runner's check", async () => {
    const [envelope, other] = [await approveMerge(), await approveMerge()];
    let moved: Receipt | undefined;
    const late = await openRunnerThat("claimed", async () => {
      moved = await merge(other);
    });
    expect(await waitForReceipt(runEnvelope(late, envelope))).toMatchObject({ status: "error", code: "ref_moved", refs: [] });
    expect(await readTip(world, "main")).toBe(moved?.refs[0]?.new);
  });

  it("has one receipt, of the target before it, although its Runner died after the move", async () => {
    const before = await readTip(world, "main");
    const envelope = await approveMerge();
    const dying = await openRunnerThat("moved", () => {
      throw new Error("died");
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const tip = await readTip(world, "main");
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "success", refs: [{ name: MAIN, old: before, new: tip }] });
  });
});
