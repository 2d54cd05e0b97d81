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

const RELEASE = "release/1.0";

let registry: ServedRegistry;
/** The project of all scenarios, each of which merges branches of its own. The first finds main at its base. */
let project: MergeProject;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "merges", tenants: buildScenarioTenants() });
  await ensurePasskeys(registry, "admin", "bob", "carol");
  project = await MergeProject.create(registry, "P.merges");
});
afterAll(() => registry?.stop());

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
    const card = await project.openMergeCard("feature/x", "main");
    expect(card).toMatchObject({ level: "L4", status: "awaiting_approval", plan: { commit_count: 1, fast_forward: true } });
    expect(card.missing.map(({ text }) => text)).toEqual(["1 more approval with step-up"]);
    const before = await project.readTip("main");
    const closed = await approveAsEach(registry, card, ["bob"]);
    expect(closed.status).toBe("success");
    const receipt = await readCardReceipt(closed);
    const git = await project.cloneMirror();
    const [tip = ""] = git("rev-parse", "origin/main").split("\n");
    expect(receipt.refs).toEqual([{ name: "refs/heads/main", old: before, new: tip }]);
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
    expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject({ status: 409, code: "closed" });
  });

  it("needs a source that is a branch of the project and a target that the policy protects", async () => {
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
    const admin = registry.as("admin");
    for (const name of ["first", "second"]) await project.push(`feature/${name}`, `${name}.txt`);
    const [first, second] = [await project.buildParams("feature/first", "main"), await project.buildParams("feature/second", "main")];
    const before = await listFiles();
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
    const source = lost?.card_id === cards[0]?.card_id ? "feature/first" : "feature/second";
    expect((await approveAsEach(registry, await project.openMergeCard(source, "main"), ["bob"])).status).toBe("success");
    expect(await listFiles()).toEqual([...before, "first.txt", "second.txt"].sort());
  });

  /** Lists the files on main. */
  async function listFiles(): Promise<string[]> {
    const git = await project.cloneMirror();
    return git("ls-tree", "--name-only", "origin/main").trim().split("\n");
  }
});

describe("a merge into a release branch", () => {
  it("needs approvals with step-up by two different persons", async () => {
    const main = await project.readTip("main");
    const card = await project.openMergeCard("main", RELEASE);
    expect(card).toMatchObject({ level: "L5", plan: { basis: { refs: [{ name: `refs/heads/${RELEASE}`, old: ZERO_ID, new: main }] } } });
    for (let times = 0; times < 2; times += 1) requireValue(await stateCardDecision(registry, "bob", card));
    const waiting = requireValue(await registry.as("admin").readCard(card.card_id));
    expect(waiting).toMatchObject({ status: "awaiting_approval", jti: null });
    expect(waiting.missing.map(({ text }) => text)).toEqual(["1 more approval with step-up"]);
    const closed = await approveAsEach(registry, card, ["carol"]);
    expect(closed.status).toBe("success");
    expect(await project.readTip(RELEASE)).toBe(main);
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
      const [mine, other] = [`feature/${moved}`, `feature/${moved}-other`];
      await project.push(mine, `${moved}.txt`);
      if (moved === "target") await project.push(other, `${moved}-other.txt`);
      const card = await project.openMergeCard(mine, RELEASE);
      requireValue(await stateCardDecision(registry, "bob", card));
      if (moved === "source") await project.push(mine, `${moved}.txt`, "changed\n");
      else await approveAsEach(registry, await project.openMergeCard(other, RELEASE), ["bob", "carol"]);
      const before = await project.readTip(RELEASE);
      const name = moved === "source" ? mine : RELEASE;
      const voided = [[BOB, expect.stringContaining(`refs/heads/${name} of ${project.id} moved from`)]];
      expect(await listVoided(card)).toEqual(voided);
      expect(requireRefusal(await stateCardDecision(registry, "carol", card))).toMatchObject({ code: "closed" });
      const closed = await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS);
      expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" }, jti: null });
      expect(await listVoided(closed)).toEqual(voided);
      expect(await project.readTip(RELEASE)).toBe(before);
      expect((await approveAsEach(registry, await project.openMergeCard(mine, RELEASE), ["bob", "carol"])).status).toBe("success");
    },
  );

  it("that leaves the target to its plan gets a new round when the target moves, and merges into what its approvers then see", async () => {
    for (const name of ["slow", "quick"]) await project.push(`feature/${name}`, `${name}.txt`);
    const { expected_target: _, ...params } = await project.buildParams("feature/slow", RELEASE);
    const card = await project.open(params);
    requireValue(await stateCardDecision(registry, "bob", card));
    await approveAsEach(registry, await project.openMergeCard("feature/quick", RELEASE), ["bob", "carol"]);
    const moved = await project.readTip(RELEASE);
    expect(await listVoided(card)).toEqual([[BOB, expect.stringContaining(`refs/heads/${RELEASE} of ${project.id} moved from`)]]);
    requireValue(await stateCardDecision(registry, "carol", card));
    expect(requireValue(await registry.as("admin").readCard(card.card_id))).toMatchObject({
      ...{ round: 2, missing: [{ text: "1 more approval with step-up" }] },
      plan: { basis: { refs: [{ name: `refs/heads/${RELEASE}`, old: moved }] } },
    });
    const closed = await approveAsEach(registry, card, ["bob"]);
    expect(closed).toMatchObject({ status: "success", round: 2 });
    const receipt = await readCardReceipt(closed);
    expect(receipt.refs).toMatchObject([{ name: `refs/heads/${RELEASE}`, old: moved }]);
    const pact = requireValue(await registry.as("bob").readPact(closed.jti ?? ""));
    expect(verifyReceiptPact(receipt, pact, requireValue(await registry.as("admin").readPublicKeys()))).toMatchObject({ valid: true });
  });

  it("whose source moves after the permit is refused by the Runner, and its approvals are void", async () => {
    const admin = registry.as("admin");
    await project.push("feature/late", "late.txt");
    const params = await project.buildParams("feature/late", "release/2.0");
    const card = await project.open(params, { run: "on_command" });
    for (const name of ["bob", "carol"]) requireValue(await stateCardDecision(registry, name, card));
    await waitForCardToLeave(admin, card.card_id, ["awaiting_approval"], ACT_MS);
    const command = await prepareCommand(admin, { jobType: MERGE, params }, { approval_ref: card.card_id });
    await project.push("feature/late", "late.txt", "changed\n");
    requireValue(await admin.issueCommand(command));
    const closed = await waitForCardEnd(admin, card.card_id, ACT_MS);
    expect(closed).toMatchObject({ status: "denied", denial: { code: "ref_moved" } });
    for (const [, why] of await listVoided(closed)) expect(why).toContain("feature/late has moved");
    expect(await findRef(registry, project.id, "refs/heads/release/2.0")).toBeUndefined();
    expect((await listEvents(registry, "receipt.refused")).at(-1)).toMatchObject({ refusal: { code: "ref_moved", jti: command.jti } });
  });
});

describe("merges of two tenants", () => {
  it("into projects with the same id are independent", async () => {
    const [ours, theirs] = [project, await MergeProject.create(registry, project.id, STRICT_TENANT)];
    const untouched = await theirs.readTip("main");
    expect((await approveAsEach(registry, await ours.openMergeCard("feature/y", "main"), ["bob"])).status).toBe("success");
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
