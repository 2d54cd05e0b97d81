import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../../src/client/http/problem.js";
import { PUSHED_COMMITS_MAX } from "../../../src/domain/git/pushed-commits.js";
import { startTestRegistry, type TestRegistry } from "../../harness/registry.js";
import { Clone } from "../../repository/real-git.js";
import {
  approvedBy,
  deletionOf,
  openPushCard,
  openTagCard,
  pushed,
  pushOf,
  refusal,
  registered,
  state,
  withPasskeys,
} from "../../scenarios/acts.js";
import { scenarioTenants } from "../../scenarios/tenants.js";

const PROJECT = "P.pushers";

let registry: TestRegistry;
let clone: Clone;
let base: string;
let releases = 0;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "pushers", tenants: scenarioTenants() });
  await withPasskeys(registry, "bob", "carol");
  await registered(registry, PROJECT);
  clone = new Clone();
  base = clone.commit("base.txt", "base\n");
  await pushedBy("admin", "feature/base", base, []);
  await released(base, "bob");
});

afterAll(() => registry?.stop());

/** Pushes `tip` to a new branch, or moves `old` of one there. */
async function pushedBy(who: string, branch: string, tip: string, without = [base], old: string | null = null): Promise<void> {
  clone.git("checkout", "-q", "-B", "to-push", tip);
  await pushed(registry.as(who), pushOf(PROJECT, branch, old, clone.bundle("to-push", without)));
}

function commitsOn(start: string, ...names: string[]): string[] {
  clone.git("checkout", "-q", "-B", "work", start);
  return names.map((name) => clone.commit(`${name}.txt`, `${name}\n`));
}

function releaseCard(commit: string) {
  releases += 1;
  return openTagCard(registry.as("admin"), { project_id: PROJECT, tag: `v0.${releases}.0`, commit });
}

async function released(commit: string, approver: string): Promise<void> {
  expect((await approvedBy(registry, await releaseCard(commit), [approver])).status).toBe("success");
}

const NOT_A_PUSHER = { code: "statement_not_counted", detail: "Whoever pushed the card's commits does not approve it." };

/** `commit` is not released by the word of those who pushed it, and is by `approver`'s. */
async function expectExcluded(commit: string, pushers: readonly string[], approver: string): Promise<void> {
  const card = await releaseCard(commit);
  for (const who of pushers) expect(refusal(await state(registry, who, card)), who).toMatchObject(NOT_A_PUSHER);
  expect((await approvedBy(registry, card, [approver])).status).toBe("success");
}

describe("of a release, the approval", () => {
  it("of somebody who pushed another branch counts, also of one that grows out of the release", async () => {
    const [one = "", two = ""] = commitsOn(base, "unrelated-1", "unrelated-2");
    await pushedBy("bob", "feature/beside", commitsOn(base, "beside").at(-1) ?? "");
    await pushedBy("admin", "feature/unrelated", two);
    await pushedBy("bob", "feature/on-top", commitsOn(one, "on-top").at(-1) ?? "", [one]);
    await released(two, "bob");
  });

  it("of who pushed a commit beneath it, or one that was merged into it, does not count", async () => {
    const [beneath = "", merged = "", more = ""] = commitsOn(base, "beneath", "merged", "more");
    await pushedBy("carol", "feature/beneath", beneath);
    await pushedBy("bob", "feature/merged", more, [beneath]);
    commitsOn(base, "own");
    clone.git("merge", "-q", "--no-ff", "-m", "merge", merged);
    const merge = clone.head();
    await pushedBy("admin", "feature/own", merge, [base, merged]);
    const card = await releaseCard(merge);
    for (const who of ["bob", "carol"]) expect(refusal(await state(registry, who, card)), who).toMatchObject(NOT_A_PUSHER);
    requireValue(await state(registry, "admin", card, "withdraw"));
  });

  it("of who pushed its commits first to a branch that was deleted or forced away does not count, and their squash is another commit", async () => {
    const [gone = ""] = commitsOn(base, "gone");
    await pushedBy("bob", "feature/gone", gone);
    await pushed(registry.as("bob"), deletionOf(PROJECT, "feature/gone", gone));
    await pushedBy("admin", "feature/again", gone);
    await expectExcluded(gone, ["bob"], "carol");

    const [forced = ""] = commitsOn(base, "forced");
    const [other = ""] = commitsOn(base, "other");
    await pushedBy("bob", "feature/forced", forced);
    await pushed(registry.as("bob"), pushOf(PROJECT, "feature/forced", forced, bundleOf(other), { force: true }));
    await pushedBy("admin", "feature/forced-again", forced);
    await expectExcluded(forced, ["bob"], "carol");

    const [first = "", second = ""] = commitsOn(base, "squash-1", "squash-2");
    await pushedBy("bob", "feature/to-squash", second);
    clone.git("checkout", "-q", "-B", "work", base);
    clone.git("merge", "-q", "--squash", second);
    clone.git("commit", "-q", "-m", "squashed");
    const squashed = clone.head();
    expect([first, second]).not.toContain(squashed);
    await pushedBy("admin", "feature/squashed", squashed);
    await released(squashed, "bob");
  });

  it("of who pushed the released commit to a further branch does not count", async () => {
    const [known = ""] = commitsOn(base, "known");
    await pushedBy("admin", "feature/known", known);
    await pushedBy("bob", "feature/known-too", known);
    await expectExcluded(known, ["bob"], "carol");
  });

  it("of who pushed what an earlier release has counts for the next", async () => {
    const [old = ""] = commitsOn(base, "old");
    await pushedBy("bob", "feature/old", old);
    await expectExcluded(old, ["bob"], "carol");
    const [next = ""] = commitsOn(old, "next");
    await pushedBy("admin", "feature/next", next, [old]);
    await released(next, "bob");
  });

  it("of anybody who ever pushed does not count where a push was too large to name its commits, and says so; of the next it does", async () => {
    const many = importedOn(base, PUSHED_COMMITS_MAX + 1);
    await pushedBy("carol", "feature/many", many);
    const card = await releaseCard(many);
    for (const who of ["carol", "bob"])
      expect(refusal(await state(registry, who, card)), who).toMatchObject({
        code: "statement_not_counted",
        detail: expect.stringContaining("no one who ever pushed to the project counts"),
      });
    requireValue(await state(registry, "admin", card, "withdraw"));

    const [after = ""] = commitsOn(base, "after-many");
    await pushedBy("admin", "feature/after-many", after);
    await released(after, "carol");
  });
});

describe("of a push that needs a card, the approval", () => {
  it("of who pushed its commits to another branch before does not count", async () => {
    const [first = "", second = ""] = commitsOn(base, "joined-1", "joined-2");
    await pushedBy("bob", "feature/to-join", first);
    await pushedBy("admin", "feature/joined", base, []);
    const card = await openPushCard(registry.as("admin"), pushOf(PROJECT, "feature/joined", base, bundleOf(second)), { risk: "L3" });
    expect(refusal(await state(registry, "bob", card))).toMatchObject(NOT_A_PUSHER);
    expect((await approvedBy(registry, card, ["carol"])).status).toBe("success");
  });

  it("of who pushed something else counts", async () => {
    await pushedBy("bob", "feature/something-else", commitsOn(base, "something-else").at(-1) ?? "");
    const [own = ""] = commitsOn(base, "own-push");
    const card = await openPushCard(registry.as("admin"), pushOf(PROJECT, "feature/own-push", null, bundleOf(own)), { risk: "L3" });
    expect((await approvedBy(registry, card, ["bob"])).status).toBe("success");
  });
});

function bundleOf(tip: string): Buffer {
  clone.git("checkout", "-q", "-B", "to-push", tip);
  return clone.bundle("to-push");
}

/** So many commits, each on the one before; the last. */
function importedOn(start: string, count: number): string {
  const one = (n: number) =>
    `commit refs/heads/imported\ncommitter Ada <ada@example.org> ${1_700_000_000 + n} +0000\ndata 2\n${n % 10}\n${n === 0 ? `from ${start}\n` : ""}\n`;
  clone.run(["fast-import", "--quiet", "--force"], Buffer.from(Array.from({ length: count }, (_, n) => one(n)).join("")));
  return clone.head("imported");
}
