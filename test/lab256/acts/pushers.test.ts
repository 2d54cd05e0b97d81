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

/** Pushes `tip` to a new branch, or moves `old` of one there. */
async function pushAs(who: string, branch: string, tip: string, without = [base], old: string | null = null): Promise<void> {
  clone.git("checkout", "-q", "-B", "to-push", tip);
  await pushOrThrow(registry.as(who), buildPush(PROJECT, branch, old, clone.bundle("to-push", without)));
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

const NOT_A_PUSHER = { code: "statement_not_counted", detail: "Whoever pushed the card's commits does not approve it." };

/** `commit` is not released by the word of those who pushed it, and is by `approver`'s. */
async function expectExcluded(commit: string, pushers: readonly string[], approver: string): Promise<void> {
  const card = await openReleaseCard(commit);
  for (const who of pushers) expect(requireRefusal(await stateCardDecision(registry, who, card)), who).toMatchObject(NOT_A_PUSHER);
  expect((await approveAsEach(registry, card, [approver])).status).toBe("success");
}

describe("of a release, the approval", () => {
  it("of somebody who pushed another branch counts, also of one that grows out of the release", async () => {
    const [one = "", two = ""] = createCommits(base, "unrelated-1", "unrelated-2");
    await pushAs("bob", "feature/beside", createCommits(base, "beside").at(-1) ?? "");
    await pushAs("admin", "feature/unrelated", two);
    await pushAs("bob", "feature/on-top", createCommits(one, "on-top").at(-1) ?? "", [one]);
    await approveRelease(two, "bob");
  });

  it("of who pushed a commit beneath it, or one that was merged into it, does not count", async () => {
    const [beneath = "", merged = "", more = ""] = createCommits(base, "beneath", "merged", "more");
    await pushAs("carol", "feature/beneath", beneath);
    await pushAs("bob", "feature/merged", more, [beneath]);
    createCommits(base, "own");
    clone.git("merge", "-q", "--no-ff", "-m", "merge", merged);
    const merge = clone.readHead();
    await pushAs("admin", "feature/own", merge, [base, merged]);
    const card = await openReleaseCard(merge);
    for (const who of ["bob", "carol"])
      expect(requireRefusal(await stateCardDecision(registry, who, card)), who).toMatchObject(NOT_A_PUSHER);
    requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));
  });

  it("of who pushed its commits first to a branch that was deleted or forced away does not count, and their squash is another commit", async () => {
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

  it("of who pushed the released commit to a further branch does not count", async () => {
    const [known = ""] = createCommits(base, "known");
    await pushAs("admin", "feature/known", known);
    await pushAs("bob", "feature/known-too", known);
    await expectExcluded(known, ["bob"], "carol");
  });

  it("of who pushed what an earlier release has counts for the next", async () => {
    const [old = ""] = createCommits(base, "old");
    await pushAs("bob", "feature/old", old);
    await expectExcluded(old, ["bob"], "carol");
    const [next = ""] = createCommits(old, "next");
    await pushAs("admin", "feature/next", next, [old]);
    await approveRelease(next, "bob");
  });

  it("of anybody who ever pushed does not count where a push was too large to name its commits, and says so; of the next it does", async () => {
    const many = createImportedHistory(base, PUSHED_COMMITS_MAX + 1);
    await pushAs("carol", "feature/many", many);
    const card = await openReleaseCard(many);
    for (const who of ["carol", "bob"])
      expect(requireRefusal(await stateCardDecision(registry, who, card)), who).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining("no one who ever pushed to the project counts"),
      });
    requireValue(await stateCardDecision(registry, "admin", card, "withdraw"));

    const [after = ""] = createCommits(base, "after-many");
    await pushAs("admin", "feature/after-many", after);
    await approveRelease(after, "carol");
  });
});

describe("of a push that needs a card, the approval", () => {
  it("of who pushed its commits to another branch before does not count", async () => {
    const [first = "", second = ""] = createCommits(base, "joined-1", "joined-2");
    await pushAs("bob", "feature/to-join", first);
    await pushAs("admin", "feature/joined", base, []);
    const card = await openPushCard(registry.as("admin"), buildPush(PROJECT, "feature/joined", base, createBundle(second)), { risk: "L3" });
    expect(requireRefusal(await stateCardDecision(registry, "bob", card))).toMatchObject(NOT_A_PUSHER);
    expect((await approveAsEach(registry, card, ["carol"])).status).toBe("success");
  });

  it("of who pushed something else counts", async () => {
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

/** So many commits, each on the one before; the last. */
function createImportedHistory(start: string, count: number): string {
  const one = (n: number) =>
    `commit refs/heads/imported\ncommitter Ada <ada@example.org> ${1_700_000_000 + n} +0000\ndata 2\n${n % 10}\n${n === 0 ? `from ${start}\n` : ""}\n`;
  clone.run(["fast-import", "--quiet", "--force"], Buffer.from(Array.from({ length: count }, (_, n) => one(n)).join("")));
  return clone.readHead("imported");
}
