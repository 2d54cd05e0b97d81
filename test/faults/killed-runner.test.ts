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
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { expectOneReceipt, expectRefsAgree } from "./agreement.js";
import { DYING_RUNNER, reviveRunner, startDyingRunner } from "./dying.js";
import { buildMergeIntoMain, expectOnePact } from "./merges.js";

const KINDS = ["pushing", "registering", "tagging", "merging"] as const;
type Kind = (typeof KINDS)[number];
type Held = readonly [JobStep, readonly Kind[]];

const holdAll = (...steps: JobStep[]) => steps.map((step): Held => [step, KINDS]);

/** Each round kills the Runner once, while acts of these kinds are held after each of these steps. */
const ROUNDS = chooseExtent<readonly (readonly Held[])[]>(
  [
    [
      ["stored", ["pushing"]],
      ["moved", ["tagging", "merging"]],
      ["receipted", ["registering"]],
    ],
  ],
  [holdAll("claimed", "looked", "fetched"), holdAll("checked", "stored", "moved"), holdAll("logged", "receipted", "derived")],
);

const projectFor = (kind: Kind, slot: number) => `P.${kind}-${slot}`;
// Acts of one project wait for each other, so every held act has its own project. A registration makes one.
const PROJECTS = ROUNDS.flatMap((round) => round.flatMap(([, kinds], slot) => kinds.map((kind) => projectFor(kind, slot))));
const PUSHED = projectFor("pushing", 0);
const ATTESTED = "P.attested";
const MAIN = "refs/heads/main";

let registry: ServedRegistry;
let clone: Clone;
let base: string;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "killed-runner" });
  clone = new Clone();
  base = clone.commit("base.txt", "base");
  await registerCountedPasskey(registry, "bob");
  const needed = new Set([ATTESTED, ...PROJECTS.filter((project_id) => !project_id.includes("registering"))]);
  await Promise.all(
    [...needed].map(async (project_id) => {
      await actByCard(registry, buildRegistrationJob(project_id));
      await actByPermit(registry.as("admin"), buildPushJob(clone, project_id, "feature/base"));
    }),
  );
  for (const project_id of needed)
    if (project_id === ATTESTED || project_id.includes("merging"))
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

/** Prepares the command of an act that will be held after `step`. */
function prepareAct(kind: Kind, step: JobStep, slot: number): Promise<CommandEnvelope> {
  const project_id = projectFor(kind, slot);
  if (kind === "pushing") return prepareCommand(registry.as("admin"), buildPushJob(clone, project_id, `feature/${step}`));
  if (kind === "registering") return approveCommand(buildRegistrationJob(`P.${step}`));
  if (kind === "tagging") return approveCommand(buildReleaseJob(project_id, releaseOf(step), base));
  return approveMerge(project_id, step, slot === 1 ? "squash" : "merge");
}

const STEPS = ROUNDS.flatMap((round) => round.map(([step]) => step));
const releaseOf = (step: JobStep) => `v0.${STEPS.indexOf(step)}.0`;

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

/** Expects what each kind of act leaves in the ledger and the catalog. */
const expectKept: Record<Kind, (command: CommandEnvelope, step: JobStep, project: string) => Promise<void>> = {
  async pushing(command, step, project) {
    await expectEnded(command, ["project.activity"]);
    expect(await readCatalogRefs(registry, project)).toMatchObject({ [`refs/heads/feature/${step}`]: base });
  },
  async registering(command, step) {
    await expectEnded(command, ["project.registered", "project.repo.bound"], [`P.${step}`]);
  },
  async tagging(command, step, project) {
    await expectEnded(command, ["project.activity", "project.release.tagged"]);
    expect(await readCatalogRefs(registry, project)).toHaveProperty([`refs/tags/${releaseOf(step)}`]);
  },
  async merging(command, _, project) {
    await expectEnded(command, ["project.activity"]);
    expect(await readCatalogRefs(registry, project)).toMatchObject({ [MAIN]: await expectOnePact(registry, command.jti) });
  },
};

describe.each(ROUNDS.map((held) => ({ held, named: held.map(([step]) => step).join(", ") })))(
  "a Runner killed with acts that are $named",
  ({ held }) => {
    const acts = held.flatMap(([step, kinds], slot) => kinds.map((kind) => ({ kind, step, slot })));
    const commands = new Map<string, CommandEnvelope>();

    beforeAll(async () => {
      for (const { kind, step, slot } of acts) commands.set(`${kind} ${step}`, await prepareAct(kind, step, slot));
      await killRunnerDuring(new Map(acts.map(({ kind, step }) => [commands.get(`${kind} ${step}`) as CommandEnvelope, step])));
    });

    it.each(acts)(
      "is replaced, and the act of $kind that was $step ends with one receipt, equal in store and ledger",
      async ({ kind, step, slot }) => {
        await expectKept[kind](commands.get(`${kind} ${step}`) as CommandEnvelope, step, projectFor(kind, slot));
        await expectRefsAgree(registry, kind === "registering" ? `P.${step}` : projectFor(kind, slot));
      },
    );

    it("leaves a valid ledger", () => expectSoundLedger(registry));
  },
);

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
