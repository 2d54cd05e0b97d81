import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import type { MergeStrategy } from "../../src/domain/act/job.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import { eventsAbout, expectSoundLedger, refsOf } from "../attacks/evidence.js";
import {
  actByCard,
  actByPermit,
  type Job,
  openCard,
  PATIENCE_MS,
  permitted,
  push,
  registration,
  release,
  state,
} from "../harness/acting.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt, expectRefsAgree } from "./agreement.js";
import { DYING_RUNNER, revive, startDying } from "./dying.js";
import { expectOnePact, mergeIntoMain } from "./merges.js";

const STEPS: readonly JobStep[] = ["claimed", "looked", "fetched", "checked", "stored", "moved", "logged", "receipted", "derived"];

const PUSHED = "P.pushed";
const TAGGED = "P.tagged";
const MERGED = "P.merged";
const MAIN = "refs/heads/main";

let registry: TestRegistry;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "killed-runner" });
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await registerPasskey(registry.as("bob"), registry.passkeys("bob"), "test");
  for (const project_id of [PUSHED, TAGGED, MERGED]) {
    await actByCard(registry, registration(project_id));
    await actByPermit(registry.as("admin"), push(clone, project_id, "feature/base"));
  }
  await actByCard(registry, await mergeIntoMain(registry, MERGED, "feature/base", "fast-forward"));
});

afterAll(() => registry?.stop());

/** The command of a card that bob approved, not issued yet. */
async function approvedCommand(job: Job): Promise<CommandEnvelope> {
  const author = registry.as("admin");
  const card = await openCard(author, job, { run: "on_command" });
  await state(registry, "bob", "approve", card);
  await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
  return permitted(author, job, { approval_ref: card.card_id });
}

/** The command of a merge of a branch that stands on the base, with one commit that `main` lacks. */
async function approvedMerge(name: string, strategy: MergeStrategy): Promise<CommandEnvelope> {
  clone.git("checkout", "-q", "-b", `feature/${name}`, base);
  clone.commit(`${name}.txt`, name);
  await actByPermit(registry.as("admin"), push(clone, MERGED, `feature/${name}`));
  clone.git("checkout", "-q", "main");
  return approvedCommand(await mergeIntoMain(registry, MERGED, `feature/${name}`, strategy));
}

describe.each(STEPS.map((step, n) => ({ step, n })))(
  "a Runner that is killed after a push, a registration, a release and a merge are $step",
  ({ step, n }) => {
    it("is taken over: each ends with one receipt, and store and ledger agree", async () => {
      const author = registry.as("admin");
      const merging = await approvedMerge(step, n % 2 === 0 ? "merge" : "squash");
      await startDying(registry, step, 4);
      const [project_id, tag] = [`P.${step}`, `v0.${n}.0`];
      const commands = await Promise.all([
        permitted(author, push(clone, PUSHED, `feature/${step}`)),
        approvedCommand(registration(project_id)),
        approvedCommand(release(TAGGED, tag, base)),
        merging,
      ]);
      for (const command of commands) requireValue(await author.issueCommand(command));
      await revive(registry);
      for (const { jti } of commands) {
        await waitForCommandEnd(author, jti, PATIENCE_MS);
        await expectOneReceipt(registry, jti);
      }
      const [pushing, registering, tagging] = commands.map(({ jti }) => jti);
      expect((await eventsAbout(registry, pushing ?? "")).sort()).toEqual([
        "command.issued",
        "permit.issued",
        "project.activity",
        "receipt.recorded",
      ]);
      expect((await eventsAbout(registry, registering ?? "", project_id)).sort()).toEqual([
        "command.issued",
        "permit.issued",
        "project.registered",
        "project.repo.bound",
        "receipt.recorded",
      ]);
      expect((await eventsAbout(registry, tagging ?? "")).sort()).toEqual([
        "command.issued",
        "permit.issued",
        "project.activity",
        "project.release.tagged",
        "receipt.recorded",
      ]);
      expect((await eventsAbout(registry, merging.jti)).sort()).toEqual([
        "command.issued",
        "permit.issued",
        "project.activity",
        "receipt.recorded",
      ]);
      expect(await refsOf(registry, MERGED)).toMatchObject({ [MAIN]: await expectOnePact(registry, merging.jti) });
      for (const project of [PUSHED, TAGGED, MERGED, project_id]) await expectRefsAgree(registry, project);
      expect(await refsOf(registry, PUSHED)).toMatchObject({ [`refs/heads/feature/${step}`]: base });
      expect(await refsOf(registry, TAGGED)).toHaveProperty([`refs/tags/${tag}`]);
      await expectSoundLedger(registry);
    });
  },
);

describe("a Runner that is killed after it stored the Pact of a merge", () => {
  it("is taken over: the receipt names that very Pact", async () => {
    const author = registry.as("admin");
    const merging = await approvedMerge("attested", "merge");
    await startDying(registry, "attested" satisfies JobStep);
    requireValue(await author.issueCommand(merging));
    await revive(registry);
    const commit = await expectOnePact(registry, merging.jti);
    expect(await refsOf(registry, MERGED)).toMatchObject({ [MAIN]: commit });
    await expectOneReceipt(registry, merging.jti);
    await expectRefsAgree(registry, MERGED);
    await expectSoundLedger(registry);
  });
});

describe("a Runner that is killed after the refs moved, while another push moves the branch on", () => {
  it("has its act end as the success that it was, with its own refs", async () => {
    const author = registry.as("admin");
    await startDying(registry, "moved");
    const first = await permitted(author, push(clone, PUSHED, "feature/moving"));
    requireValue(await author.issueCommand(first));
    await registry.lab512.exited;

    const release_file = join(registry.data_dir, "go-on");
    const env = { TEST_HOLD_ACT: first.jti, TEST_HOLD_UNTIL: release_file, OGR_WORK_DIRECTORY: join(registry.data_dir, "another-runner") };
    await registry.lab512.start({ entry: DYING_RUNNER, env });
    const next = clone.commit("next.txt", "next");
    const second = await actByPermit(author, push(clone, PUSHED, "feature/moving", base));
    expect(second.command.receipt).toMatchObject({ status: "success", refs: [{ old: base, new: next }] });
    expect(requireValue(await author.readCommand(first.jti)).status).toBe("running");

    await writeFile(release_file, "");
    const { receipt } = await waitForCommandEnd(author, first.jti, PATIENCE_MS);
    expect(receipt).toMatchObject({ status: "success", refs: [{ name: "refs/heads/feature/moving", old: "0".repeat(40), new: base }] });
    await expectRefsAgree(registry, PUSHED);
    expect(await refsOf(registry, PUSHED)).toMatchObject({ "refs/heads/feature/moving": next });
    await expectSoundLedger(registry);
  });
});
