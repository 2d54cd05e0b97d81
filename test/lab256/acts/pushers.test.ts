import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../../src/client/http/problem.js";
import { PUSHED_COMMITS_MAX } from "../../../src/domain/git/pushed-commits.js";
import { type ServedRegistry, startRegistryInProcess } from "../../harness/registry.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveAsEach,
  buildDeletion,
  buildPush,
  ensurePasskeys,
  openPushCard,
  openTagCard,
  pushOrThrow,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "../../scenarios/acts.js";
import { buildScenarioTenants } from "../../scenarios/tenants.js";

const PROJECT = "P.pushers";

let registry: ServedRegistry;
let clone: Clone;
let base: string;
let releases = 0;

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "pushers", tenants: buildScenarioTenants() });
  await ensurePasskeys(registry, "bob", "carol");
  await registerByCard(registry, PROJECT);
  clone = new Clone();
  base = clone.commit("base.txt", "base\n");
  await pushAs("admin", "feature/base", base, []);
  await approveRelease(base, "bob");
});

afterAll(() => registry?.stop());

/** Pushes `tip` to a new branch, or moves a branch from `old` to it. */
async function pushAs(pusher: string, branch: string, tip: string, without = [base], old: string | null = null): Promise<void> {
  clone.git("checkout", "-q", "-B", "to-push", tip);
  await pushOrThrow(registry.as(pusher), buildPush(PROJECT, branch, old, clone.bundle("to-push", without)));
}

function createCommits(start: string, ...names: string[]): string[] {
  clone.git("checkout", "-q", "-B", "work", start);
  return names.map((name) => clone.commit(`${name}.txt`, `${name}\n`));
}

function openReleaseCard(commit: string) {
  releases += 1;
  return openTagCard(registry.as("admin"), { project_id: PROJECT, tag: `v0.${releases}.0`, commit });
}

async function approveRelease(commit: string, approver: string): Promise<void> {
  expect((await approveAsEach(registry, await openReleaseCard(commit), [approver])).status).toBe("success");
}

const NOT_A_PUSHER = {
  code: "statement_not_counted",
  detail: expect.stringMatching(
    /^Whoever pushed the card's commits does not approve it\. (Who can approve it: |Nobody can complete this card: )/,
  ),
};

/** Checks that the pushers of `commit` cannot approve its release and that `approver` can. */
async function expectExcluded(commit: string, pushers: readonly string[], approver: string): Promise<void> {
  const card = await openReleaseCard(commit);
  for (const pusher of pushers) expect(requireRefusal(await stateCardDecision(registry, pusher, card)), pusher).toMatchObject(NOT_A_PUSHER);
  expect((await approveAsEach(registry, card, [approver])).status).toBe("success");
}

describe("the approval of a release", () => {
  it("counts from the pusher of another branch, also of one on top of the release", async () => {
    const [one = "", two = ""] = createCommits(base, "unrelated-1", "unrelated-2");
    await pushAs("bob", "feature/beside", createCommits(base, "beside").at(-1) ?? "");
    await pushAs("admin", "feature/unrelated", two);
    await pushAs("bob", "feature/on-top", createCommits(one, "on-top").at(-1) ?? "", [one]);
    await approveRelease(two, "bob");
  });

  it("does not count from the pusher of an ancestor or of a merged commit", async () => {
    const [beneath = "", merged = "", more = ""] = createCommits(base, "beneath", "merged", "more");
    await pushAs("carol", "feature/beneath", beneath);
    await pushAs("bob", "feature/merged", more, [beneath]);
    createCommits(base, "own");
    clone.git("merge", "-q", "--no-ff", "-m", "merge", merged);
    const merge = clone.readHead();
    await pushAs("admin", "feature/own", merge, [base, merged]);
    const card = await openReleaseCard(merge);
    for (const pusher of ["bob", "carol"])
      expect(requireRefusal(await stateCardDecision(registry, pusher, card)), pusher).toMatchObject(NOT_A_PUSHER);
    requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));
  });

  it("does not count from the pusher of its commits to a branch that was deleted or force-pushed, but does after a squash", async () => {
    const [gone = ""] = createCommits(base, "gone");
    await pushAs("bob", "feature/gone", gone);
    await pushOrThrow(registry.as("bob"), buildDeletion(PROJECT, "feature/gone", gone));
    await pushAs("admin", "feature/again", gone);
    await expectExcluded(gone, ["bob"], "carol");

    const [forced = ""] = createCommits(base, "forced");
    const [other = ""] = createCommits(base, "other");
    await pushAs("bob", "feature/forced", forced);
    await pushOrThrow(registry.as("bob"), buildPush(PROJECT, "feature/forced", forced, createBundle(other), { force: true }));
    await pushAs("admin", "feature/forced-again", forced);
    await expectExcluded(forced, ["bob"], "carol");

    const [first = "", second = ""] = createCommits(base, "squash-1", "squash-2");
    await pushAs("bob", "feature/to-squash", second);
    clone.git("checkout", "-q", "-B", "work", base);
    clone.git("merge", "-q", "--squash", second);
    clone.git("commit", "-q", "-m", "squashed");
    const squashed = clone.readHead();
    expect([first, second]).not.toContain(squashed);
    await pushAs("admin", "feature/squashed", squashed);
    await approveRelease(squashed, "bob");
  });

  it("does not count from a person who pushed the released commit to another branch", async () => {
    const [known = ""] = createCommits(base, "known");
    await pushAs("admin", "feature/known", known);
    await pushAs("bob", "feature/known-too", known);
    await expectExcluded(known, ["bob"], "carol");
  });

  it("counts from the pusher of commits that an earlier release contains", async () => {
    const [old = ""] = createCommits(base, "old");
    await pushAs("bob", "feature/old", old);
    await expectExcluded(old, ["bob"], "carol");
    const [next = ""] = createCommits(old, "next");
    await pushAs("admin", "feature/next", next, [old]);
    await approveRelease(next, "bob");
  });

  it("does not count from any pusher of the project if a push was too large to name its commits, but does for the next release", async () => {
    const many = createImportedHistory(base, PUSHED_COMMITS_MAX + 1);
    await pushAs("carol", "feature/many", many);
    const card = await openReleaseCard(many);
    for (const pusher of ["carol", "bob"])
      expect(requireRefusal(await stateCardDecision(registry, pusher, card)), pusher).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining("no one who ever pushed to the project counts"),
      });
    requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));

    // Within this time, the clocks of two Runners cannot tell which of two pushes came first.
    await delay(5_500);
    const [after = ""] = createCommits(base, "after-many");
    await pushAs("admin", "feature/after-many", after);
    await approveRelease(after, "carol");
  });
});

describe("the approval of a push", () => {
  it("does not count from the pusher of its commits to another branch", async () => {
    const [first = "", second = ""] = createCommits(base, "joined-1", "joined-2");
    await pushAs("bob", "feature/to-join", first);
    await pushAs("admin", "feature/joined", base, []);
    const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/joined", base, createBundle(second)), { risk: "L3" });
    expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject(NOT_A_PUSHER);
    expect((await approveAsEach(registry, card, ["carol"])).status).toBe("success");
  });

  it("counts from the pusher of other commits", async () => {
    await pushAs("bob", "feature/something-else", createCommits(base, "something-else").at(-1) ?? "");
    const [own = ""] = createCommits(base, "own-push");
    const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/own-push", null, createBundle(own)), { risk: "L3" });
    expect((await approveAsEach(registry, card, ["bob"])).status).toBe("success");
  });
});

function createBundle(tip: string): Buffer {
  clone.git("checkout", "-q", "-B", "to-push", tip);
  return clone.bundle("to-push");
}

/** Creates a chain of commits on `start`. Returns the last. */
function createImportedHistory(start: string, count: number): string {
  const one = (n: number) =>
    `commit refs/heads/imported\ncommitter Ada <ada@example.org> ${1_700_000_000 + n} +0000\ndata 2\n${n % 10}\n${n === 0 ? `from ${start}\n` : ""}\n`;
  clone.run(["fast-import", "--quiet", "--force"], Buffer.from(Array.from({ length: count }, (_, n) => one(n)).join("")));
  return clone.readHead("imported");
}
