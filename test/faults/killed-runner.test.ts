import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import type { MergeStrategy } from "../../src/domain/act/job.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { JobStep } from "../../src/lab512/jobs/job.js";
import { expectSoundLedger, listEventTypesAbout, readCatalogRefs } from "../attacks/evidence.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  type Job,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { chooseExtent } from "../harness/campaign.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt, expectRefsAgree } from "./agreement.js";
import { DYING_RUNNER, reviveRunner, startDyingRunner } from "./dying.js";
import { buildMergeIntoMain, expectOnePact } from "./merges.js";

/** Each round kills the Runner once, while acts are held after each of these steps. */
const ROUNDS = chooseExtent<readonly (readonly JobStep[])[]>(
  [["stored", "moved", "receipted"]],
  [
    ["claimed", "looked", "fetched"],
    ["checked", "stored", "moved"],
    ["logged", "receipted", "derived"],
  ],
);

// Acts of one project wait for each other, so every held act has its own project.
const SLOTS = [0, 1, 2] as const;
const projectFor = (kind: "pushed" | "tagged" | "merged", slot: number) => `P.${kind}-${slot}`;
const PUSHED = projectFor("pushed", 0);
const ATTESTED = "P.attested";
const MAIN = "refs/heads/main";

let registry: TestRegistry;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "killed-runner" });
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await registerCountedPasskey(registry, "bob");
  const merged = [ATTESTED, ...SLOTS.map((slot) => projectFor("merged", slot))];
  const others = SLOTS.flatMap((slot) => [projectFor("pushed", slot), projectFor("tagged", slot)]);
  await Promise.all(
    [...merged, ...others].map(async (project_id) => {
      await actByCard(registry, buildRegistrationJob(project_id));
      await actByPermit(registry.as("admin"), buildPushJob(clone, project_id, "feature/base"));
    }),
  );
  for (const project_id of merged)
    await actByCard(registry, await buildMergeIntoMain(registry, project_id, "feature/base", "fast-forward"));
});

afterAll(() => registry?.stop());

/** Opens a card and approves it as bob. Returns its command, which is not issued. */
async function approveCommand(job: Job): Promise<CommandEnvelope> {
  const author = registry.as("admin");
  const card = await openCard(author, job, { run: "on_command" });
  await stateDecision(registry, "bob", "approve", card);
  await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
  return prepareCommand(author, job, { approval_ref: card.card_id });
}

/** Pushes a new commit and approves its merge into `main`. Returns the command. */
async function approveMerge(project_id: string, name: string, strategy: MergeStrategy): Promise<CommandEnvelope> {
  clone.git("checkout", "-q", "-b", `feature/${name}`, base);
  clone.commit(`${name}.txt`, name);
  const pushing = buildPushJob(clone, project_id, `feature/${name}`);
  clone.git("checkout", "-q", "main");
  await actByPermit(registry.as("admin"), pushing);
  return approveCommand(await buildMergeIntoMain(registry, project_id, `feature/${name}`, strategy));
}

interface ActsAtStep {
  readonly pushing: CommandEnvelope;
  readonly registering: CommandEnvelope;
  readonly tagging: CommandEnvelope;
  readonly merging: CommandEnvelope;
}

/** Prepares the commands of a push, a registration, a release and a merge that will be held after `step`. */
async function prepareActs(step: JobStep, slot: number): Promise<ActsAtStep> {
  const [pushing, registering, tagging, merging] = await Promise.all([
    prepareCommand(registry.as("admin"), buildPushJob(clone, projectFor("pushed", slot), `feature/${step}`)),
    approveCommand(buildRegistrationJob(`P.${step}`)),
    approveCommand(buildReleaseJob(projectFor("tagged", slot), releaseOf(step), base)),
    approveMerge(projectFor("merged", slot), step, slot === 1 ? "squash" : "merge"),
  ]);
  return { pushing, registering, tagging, merging };
}

const releaseOf = (step: JobStep) => `v0.${ROUNDS.flat().indexOf(step)}.0`;

async function killRunnerDuring(heldAfter: ReadonlyMap<CommandEnvelope, JobStep>): Promise<void> {
  await startDyingRunner(registry, Object.fromEntries([...heldAfter].map(([{ jti }, step]) => [jti, step])));
  const author = registry.as("admin");
  await Promise.all([...heldAfter.keys()].map(async (command) => requireValue(await author.issueCommand(command))));
  await reviveRunner(registry);
}

/** Expects that the act ended with one receipt and that the ledger has exactly these events about it. */
async function expectEnded({ jti }: CommandEnvelope, events: readonly string[], also: readonly string[] = []): Promise<void> {
  await waitForCommandEnd(registry.as("admin"), jti, PATIENCE_MS);
  await expectOneReceipt(registry, jti);
  const all = ["command.issued", "permit.issued", "receipt.recorded", ...events];
  expect((await listEventTypesAbout(registry, jti, ...also)).sort()).toEqual(all.sort());
}

describe.each(ROUNDS.map((steps) => ({ steps, named: steps.join(", ") })))("a Runner killed with acts that are $named", ({ steps }) => {
  const acts = new Map<JobStep, ActsAtStep>();

  beforeAll(async () => {
    for (const [slot, step] of steps.entries()) acts.set(step, await prepareActs(step, slot));
    await killRunnerDuring(new Map([...acts].flatMap(([step, four]) => Object.values(four).map((command) => [command, step]))));
  });

  it.each(steps.map((step, slot) => ({ step, slot })))(
    "is replaced, and each act that was $step ends with one receipt, equal in store and ledger",
    async ({ step, slot }) => {
      const { pushing, registering, tagging, merging } = acts.get(step) as ActsAtStep;
      await expectEnded(pushing, ["project.activity"]);
      await expectEnded(registering, ["project.registered", "project.repo.bound"], [`P.${step}`]);
      await expectEnded(tagging, ["project.activity", "project.release.tagged"]);
      await expectEnded(merging, ["project.activity"]);
      const [pushed, tagged, merged] = [projectFor("pushed", slot), projectFor("tagged", slot), projectFor("merged", slot)];
      expect(await readCatalogRefs(registry, merged)).toMatchObject({ [MAIN]: await expectOnePact(registry, merging.jti) });
      expect(await readCatalogRefs(registry, pushed)).toMatchObject({ [`refs/heads/feature/${step}`]: base });
      expect(await readCatalogRefs(registry, tagged)).toHaveProperty([`refs/tags/${releaseOf(step)}`]);
      for (const project of [pushed, tagged, merged, `P.${step}`]) await expectRefsAgree(registry, project);
    },
  );

  it("leaves a valid ledger", () => expectSoundLedger(registry));
});

describe("a Runner killed after it stored the Pact of a merge", () => {
  it("is replaced, and the receipt names the same Pact", async () => {
    const merging = await approveMerge(ATTESTED, "attested", "merge");
    await killRunnerDuring(new Map([[merging, "attested"]]));
    const commit = await expectOnePact(registry, merging.jti);
    expect(await readCatalogRefs(registry, ATTESTED)).toMatchObject({ [MAIN]: commit });
    await expectOneReceipt(registry, merging.jti);
    await expectRefsAgree(registry, ATTESTED);
    await expectSoundLedger(registry);
  });
});

describe("a Runner killed after it moved the refs, before another push moves the branch,", () => {
  it("leaves an act that ends with success and its own refs", async () => {
    const author = registry.as("admin");
    const first = await prepareCommand(author, buildPushJob(clone, PUSHED, "feature/moving"));
    await startDyingRunner(registry, { [first.jti]: "moved" });
    requireValue(await author.issueCommand(first));
    await registry.lab512.exited;

    const releaseFile = join(registry.dataDir, "go-on");
    const env = { TEST_HOLD_ACT: first.jti, TEST_HOLD_UNTIL: releaseFile, OGR_WORK_DIRECTORY: join(registry.dataDir, "another-runner") };
    await registry.lab512.start({ entry: DYING_RUNNER, env });
    const next = clone.commit("next.txt", "next");
    const second = await actByPermit(author, buildPushJob(clone, PUSHED, "feature/moving", base));
    expect(second.command.receipt).toMatchObject({ status: "success", refs: [{ old: base, new: next }] });
    expect(requireValue(await author.readCommand(first.jti)).status).toBe("running");

    await writeFile(releaseFile, "");
    const { receipt } = await waitForCommandEnd(author, first.jti, PATIENCE_MS);
    expect(receipt).toMatchObject({ status: "success", refs: [{ name: "refs/heads/feature/moving", old: "0".repeat(40), new: base }] });
    await expectRefsAgree(registry, PUSHED);
    expect(await readCatalogRefs(registry, PUSHED)).toMatchObject({ "refs/heads/feature/moving": next });
    await expectSoundLedger(registry);
  });
});
