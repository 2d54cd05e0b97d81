import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import { verifyReceiptPact } from "../../src/client/offline/pact.js";
import { waitForCardEnd, waitForCardToLeave } from "../../src/client/waiting.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import type { Receipt } from "../../src/domain/permit/receipt.js";
import { prepareCommand } from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { ACT_MS, approveAsEach, buildPush, ensurePasskeys, pushOrThrow, requireRefusal, stateCardDecision } from "./acts.js";
import { MERGE, MergeProject } from "./merge-project.js";
import { findRef, listEvents } from "./stored-state.js";
import { buildScenarioTenants, STRICT_TENANT } from "./tenants.js";

const [BOB, CAROL] = ["ubl:sid:person:bob", "ubl:sid:person:carol"];

let registry: ServedRegistry;
let projects = 0;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "merges", tenants: buildScenarioTenants() });
  await ensurePasskeys(registry, "admin", "bob", "carol");
});
afterAll(() => registry?.stop());

function createProject(id?: string, tenant?: string): Promise<MergeProject> {
  projects += 1;
  return MergeProject.create(registry, id ?? `P.merges-${projects}`, tenant);
}

async function readCardReceipt({ jti }: CardAnswer, tenant?: string): Promise<Receipt> {
  return requireValue(await registry.as("admin", tenant).readReceipt(jti ?? ""));
}

/** Lists the approvals of a card: the approver and why the approval is void. */
async function listVoided({ card_id }: CardAnswer): Promise<[string, string | null][]> {
  const { statements = [] } = requireValue(await registry.as("admin").readCard(card_id));
  return statements.map(({ approver, void_why }) => [approver, void_why ?? null]);
}

describe("a merge into main", () => {
  it("needs one approval with step-up, names card and approver, and stores a Pact that verifies offline", async () => {
    const project = await createProject();
    const card = await project.openMergeCard("feature/x", "main");
    expect(card).toMatchObject({ level: "L4", status: "awaiting_approval", plan: { commit_count: 1, fast_forward: true } });
    expect(card.missing.map(({ text }) => text)).toEqual(["1 more approval with step-up"]);
    const closed = await approveAsEach(registry, card, ["bob"]);
    expect(closed.status).toBe("success");
    const receipt = await readCardReceipt(closed);
    const git = await project.cloneMirror();
    const [tip = ""] = git("rev-parse", "origin/main").split("\n");
    expect(receipt.refs).toEqual([{ name: "refs/heads/main", old: await readBase(project), new: tip }]);
    const trailers = git("log", "-1", "--format=%(trailers:only,unfold)", tip).trim().split("\n");
    expect(trailers).toEqual([
      `Card: ${card.card_id}`,
      `Plan: ${card.plan_digest}`,
      `Permit: ${closed.jti}`,
      `Proposed-by: ${registry.getActor("admin").actor_id}`,
      `Approved-by: ${BOB}`,
    ]);
    const keys = requireValue(await registry.as("admin").readPublicKeys());
    const verdict = verifyReceiptPact(receipt, requireValue(await registry.as("bob").readPact(closed.jti ?? "")), keys);
    expect(verdict).toMatchObject({
      valid: true,
      unproved: [],
      pact: {
        subject: [{ digest: { gitCommit: tip } }],
        predicate: {
          merge: { source: { branch: "feature/x" }, target: { branch: "main" }, tree: git("rev-parse", `${tip}^{tree}`).trim() },
          decision: { card_id: card.card_id, plan_digest: card.plan_digest, approvals: [{ statement: { approver: BOB }, assertion: {} }] },
        },
      },
    });
    const { activity } = requireValue(await registry.as("admin").readProject(project.id));
    expect(activity[0]).toMatchObject({ action: "merge", ref: "refs/heads/main", commit: tip });
  });

  it("cannot be approved by its proposer or by a pusher or an author of its commits", async () => {
    const project = await createProject();
    await project.push("feature/by-bob", "bob.txt", "bob\n", "bob");
    const { clone } = project;
    clone.commit("carol.txt", "carol\n");
    clone.git("commit", "-q", "--amend", "--no-edit", "--author", "Carol <carol@ubl.example>");
    const old = await project.readTip("feature/by-bob");
    await pushOrThrow(registry.as("bob"), buildPush(project.id, "feature/by-bob", old, clone.bundle("feature/by-bob")));
    const card = await project.openMergeCard("feature/by-bob", "main", { strategy: "squash" });
    for (const [name, why] of [
      ["admin", "The author of a card does not approve it."],
      ["bob", "Whoever pushed the card's commits does not approve it."],
      ["carol", "An author of the card's commits does not approve it."],
    ] as const)
      expect(await stateCardDecision(registry, name, card).then(requireRefusal)).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining(why),
      });
    expect(requireValue(await registry.as("admin").readCard(card.card_id))).toMatchObject({ status: "awaiting_approval", jti: null });
  });

  // One human with two accounts: the app pushes and proposes, and the person who holds its token approves.
  it("that an app pushed or proposed cannot be approved by the person who is responsible for the app", async () => {
    const project = await createProject();
    await project.push("feature/by-ci", "ci.txt", "ci\n", "ci");
    const params = await project.buildParams("feature/by-ci", "main");
    for (const [proposer, why] of [
      ["ci", "The author of a card does not approve it."],
      ["carol", "Whoever pushed the card's commits does not approve it."],
    ] as const) {
      const card = await project.open(params, {}, proposer);
      expect(await stateCardDecision(registry, "admin", card).then(requireRefusal)).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining(why),
      });
      if (proposer === "ci") expect((await stateCardDecision(registry, "bob", card, "reject")).ok).toBe(true);
      else expect((await approveAsEach(registry, card, ["bob"])).status).toBe("success");
    }
  });

  it("with conflicts is denied with their paths and hunks before any approval", async () => {
    const project = await createProject();
    await project.push("feature/one", "same.txt", "one\n");
    await project.push("feature/two", "same.txt", "two\n");
    expect((await approveAsEach(registry, await project.openMergeCard("feature/one", "main"), ["bob"])).status).toBe("success");
    const card = await project.openMergeCard("feature/two", "main");
    expect(card).toMatchObject({
      status: "denied",
      plan: null,
      denial: {
        code: "merge_conflict",
        conflicts: [{ path: "same.txt", hunks: ["<<<<<<< main\none\n=======\ntwo\n>>>>>>> feature/two"] }],
      },
    });
    expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject({ status: 409, code: "conflict" });
  });

  it("needs a source that is a branch of the project and a target that the policy protects", async () => {
    const project = await createProject();
    const params = await project.buildParams("feature/x", "main");
    expect(await project.open({ ...params, source: "feature/elsewhere" })).toMatchObject({ denial: { code: "ref_missing" } });
    const open = { ...params, target: "feature/z", expected_target: ZERO_ID };
    expect(await project.open(open)).toMatchObject({
      status: "denied",
      denial: { code: "policy_denied" },
      reasons: [{ rule: "branch.not_protected" }],
    });
  });

  it("is denied after another merge moved the target, and its card shows the void approval", async () => {
    const project = await createProject();
    const admin = registry.as("admin");
    const [first, second] = [await project.buildParams("feature/x", "main"), await project.buildParams("feature/y", "main")];
    const cards = [await project.open(first, { run: "on_command" }), await project.open(second, { run: "on_command" })];
    for (const card of cards) {
      requireValue(await stateCardDecision(registry, "bob", card));
      await waitForCardToLeave(admin, card.card_id, ["awaiting_approval"], ACT_MS);
    }
    const commands = await Promise.all(
      [first, second].map((params, n) => prepareCommand(admin, { jobType: MERGE, params }, { approval_ref: cards[n]?.card_id ?? "" })),
    );
    await Promise.all(commands.map(async (command) => requireValue(await admin.issueCommand(command))));
    const ends = await Promise.all(cards.map((card) => waitForCardEnd(admin, card.card_id, ACT_MS)));
    const lost = ends.find(({ status }) => status !== "success");
    expect(ends.filter(({ status }) => status === "success")).toHaveLength(1);
    expect(lost?.denial).toMatchObject({ code: "ref_moved", message: expect.stringContaining("main") });
    expect(await listVoided(lost as CardAnswer)).toEqual([[BOB, expect.stringContaining("The act did not happen: ")]]);
    const source = lost?.card_id === cards[0]?.card_id ? "feature/x" : "feature/y";
    expect((await approveAsEach(registry, await project.openMergeCard(source, "main"), ["bob"])).status).toBe("success");
    const git = await project.cloneMirror();
    expect(git("ls-tree", "--name-only", "origin/main").trim().split("\n")).toEqual(["README.md", "x.txt", "y.txt"]);
  });
});

describe("a merge into release/1.0", () => {
  it("needs approvals with step-up by two different persons", async () => {
    const project = await createProject();
    expect((await approveAsEach(registry, await project.openMergeCard("feature/x", "main"), ["bob"])).status).toBe("success");
    const main = await project.readTip("main");
    const card = await project.openMergeCard("main", "release/1.0");
    expect(card).toMatchObject({ level: "L5", plan: { basis: { refs: [{ name: "refs/heads/release/1.0", old: ZERO_ID, new: main }] } } });
    for (let times = 0; times < 2; times += 1) requireValue(await stateCardDecision(registry, "bob", card));
    const waiting = requireValue(await registry.as("admin").readCard(card.card_id));
    expect(waiting).toMatchObject({ status: "awaiting_approval", jti: null });
    expect(waiting.missing.map(({ text }) => text)).toEqual(["1 more approval with step-up"]);
    const closed = await approveAsEach(registry, card, ["carol"]);
    expect(closed.status).toBe("success");
    expect(await project.readTip("release/1.0")).toBe(main);
    const verdict = verifyReceiptPact(
      await readCardReceipt(closed),
      requireValue(await registry.as("bob").readPact(closed.jti ?? "")),
      requireValue(await registry.as("admin").readPublicKeys()),
    );
    if (!verdict.valid) throw new Error(verdict.why);
    expect(verdict.pact.predicate.decision.approvals.map(({ statement }) => statement.approver)).toEqual([BOB, CAROL]);
  });

  it.each(["source", "target"] as const)(
    "whose %s moves between two approvals is denied, and a new card can be approved",
    async (moved) => {
      const project = await createProject();
      await approveAsEach(registry, await project.openMergeCard("main", "release/1.0", { strategy: "fast-forward" }), ["bob", "carol"]);
      const card = await project.openMergeCard("feature/x", "release/1.0");
      requireValue(await stateCardDecision(registry, "bob", card));
      if (moved === "source") await project.push("feature/x", "x.txt", "changed\n");
      else await approveAsEach(registry, await project.openMergeCard("feature/y", "release/1.0"), ["bob", "carol"]);
      const before = await project.readTip("release/1.0");
      const name = moved === "source" ? "feature/x" : "release/1.0";
      const voided = [[BOB, expect.stringContaining(`refs/heads/${name} of ${project.id} moved from`)]];
      expect(await listVoided(card)).toEqual(voided);
      expect(requireRefusal(await stateCardDecision(registry, "carol", card))).toMatchObject({ code: "closed" });
      const closed = await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" }, jti: null });
      expect(await listVoided(closed)).toEqual(voided);
      expect(await project.readTip("release/1.0")).toBe(before);
      expect((await approveAsEach(registry, await project.openMergeCard("feature/x", "release/1.0"), ["bob", "carol"])).status).toBe(
        "success",
      );
    },
  );

  it("that leaves the target to its plan gets a new round when the target moves, and merges into what its approvers then see", async () => {
    const project = await createProject();
    await approveAsEach(registry, await project.openMergeCard("main", "release/1.0", { strategy: "fast-forward" }), ["bob", "carol"]);
    const { expected_target: _, ...params } = await project.buildParams("feature/x", "release/1.0");
    const card = await project.open(params);
    requireValue(await stateCardDecision(registry, "bob", card));
    await approveAsEach(registry, await project.openMergeCard("feature/y", "release/1.0"), ["bob", "carol"]);
    const moved = await project.readTip("release/1.0");
    expect(await listVoided(card)).toEqual([[BOB, expect.stringContaining(`refs/heads/release/1.0 of ${project.id} moved from`)]]);
    requireValue(await stateCardDecision(registry, "carol", card));
    expect(requireValue(await registry.as("admin").readCard(card.card_id))).toMatchObject({
      ...{ round: 2, missing: [{ text: "1 more approval with step-up" }] },
      plan: { basis: { refs: [{ name: "refs/heads/release/1.0", old: moved }] } },
    });
    const closed = await approveAsEach(registry, card, ["bob"]);
    expect(closed).toMatchObject({ status: "success", round: 2 });
    const receipt = await readCardReceipt(closed);
    expect(receipt.refs).toMatchObject([{ name: "refs/heads/release/1.0", old: moved }]);
    const pact = requireValue(await registry.as("bob").readPact(closed.jti ?? ""));
    expect(verifyReceiptPact(receipt, pact, requireValue(await registry.as("admin").readPublicKeys()))).toMatchObject({ valid: true });
  });

  it("whose source moves after the permit is refused by the Runner, and its approvals are void", async () => {
    const project = await createProject();
    const admin = registry.as("admin");
    const params = await project.buildParams("feature/x", "release/1.0");
    const card = await project.open(params, { run: "on_command" });
    for (const name of ["bob", "carol"]) requireValue(await stateCardDecision(registry, name, card));
    await waitForCardToLeave(admin, card.card_id, ["awaiting_approval"], ACT_MS);
    const command = await prepareCommand(admin, { jobType: MERGE, params }, { approval_ref: card.card_id });
    await project.push("feature/x", "x.txt", "changed\n");
    requireValue(await admin.issueCommand(command));
    const closed = await waitForCardEnd(admin, card.card_id, ACT_MS);
    expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" } });
    for (const [, why] of await listVoided(closed)) expect(why).toContain("feature/x has moved");
    expect(await findRef(registry, project.id, "refs/heads/release/1.0")).toBeUndefined();
    expect((await listEvents(registry, "receipt.refused")).at(-1)).toMatchObject({ refusal: { code: "ref_moved", jti: command.jti } });
  });
});

describe("merges of two tenants", () => {
  it("into projects with the same id are independent", async () => {
    const id = "P.shared-name";
    const [ours, theirs] = [await createProject(id), await createProject(id, STRICT_TENANT)];
    const untouched = await theirs.readTip("main");
    expect((await approveAsEach(registry, await ours.openMergeCard("feature/x", "main"), ["bob"])).status).toBe("success");
    expect(await theirs.readTip("main")).toBe(untouched);
    await theirs.push("feature/theirs", "theirs.txt");
    const params = await theirs.buildParams("feature/theirs", "main");
    expect(await ours.open({ ...params, expected_target: (await ours.readTip("main")) ?? "" })).toMatchObject({
      denial: { code: "ref_missing" },
    });
    const closed = await approveAsEach(registry, await theirs.open(params), ["bob"], STRICT_TENANT);
    expect(closed.status).toBe("success");
    requireValue(await registry.as("admin", STRICT_TENANT).readPact(closed.jti ?? ""));
    expect(requireRefusal(await registry.as("admin").readPact(closed.jti ?? ""))).toMatchObject({ status: 404, code: "not_found" });
    const git = await theirs.cloneMirror();
    expect(git("ls-tree", "--name-only", "origin/main").trim().split("\n")).toEqual(["README.md", "theirs.txt"]);
  });
});

/** Returns the project's first commit, where main was before the merges. */
async function readBase(project: MergeProject): Promise<string | null> {
  return project.readTip("feature/base");
}
