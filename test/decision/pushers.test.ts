import { describe, expect, it } from "vitest";
import { findPushers } from "../../src/decision/pushers.js";
import type { PushReceipt } from "../../src/domain/git/push-receipt.js";

const [A, B, C, D] = ["a", "b", "c", "d"].map((digit) => digit.repeat(40)) as [string, string, string, string];
const [ANA, BOB, EVE] = ["person:ana", "person:bob", "person:eve"] as const;

let clockMs = 1_000_000;
/** A push or merge, a minute after the one before. By default only its tip was new. */
function buildPush(person_id: string | null, tip: string, brought: readonly string[] = [tip]): PushReceipt {
  return { ...buildUnnamed(person_id, tip), brought: [...brought] };
}

/** A push whose receipt names no new commits. */
function buildUnnamed(person_id: string | null, tip: string): PushReceipt {
  clockMs += 60_000;
  return { person_id, tips: [tip], started_at: clockMs, finished_at: clockMs + 100 };
}

const exactly = (...person_ids: string[]) => ({ person_ids, exact: true, hasUnknown: false });
const everybody = (...person_ids: string[]) => ({ person_ids, exact: false, hasUnknown: false });

describe("who pushed", () => {
  it("no commits is nobody", () => {
    expect(findPushers([buildPush(ANA, A)], [])).toEqual(exactly());
  });

  it("a commit is the person whose push brought it", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(BOB, B)], [A])).toEqual(exactly(ANA));
  });

  it("an inner commit is the person whose push brought it with its tip", () => {
    expect(findPushers([buildPush(ANA, B, [B, A]), buildPush(BOB, C)], [A])).toEqual(exactly(ANA));
  });

  it("a commit is still the first pusher after somebody else pushed it again under other commits", () => {
    expect(findPushers([buildPush(EVE, A), buildPush(BOB, B, [B])], [A])).toEqual(exactly(EVE));
  });

  it("a commit is also the person who moved a branch to it later", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(BOB, A, []), buildPush(EVE, B)], [A])).toEqual(exactly(ANA, BOB));
  });

  it("the commit of a merge is the person who merged", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(BOB, C, [C])], [A, C])).toEqual(exactly(ANA, BOB));
  });

  it("commits that two pushes brought at the same time are both persons", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(BOB, A)], [A])).toEqual(exactly(ANA, BOB));
  });

  it("a commit is unknown, so everyone who ever pushed counts, if only a push that names no commits can have brought it", () => {
    expect(findPushers([buildPush(ANA, A), buildUnnamed(EVE, C), buildPush(BOB, D)], [A, B])).toEqual(everybody(ANA, BOB, EVE));
  });

  it("too many commits to name is everyone who ever pushed", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(BOB, B)], null)).toEqual(everybody(ANA, BOB));
  });

  it("a commit does not include someone whose push names no commits and ended before the push that brought it began", () => {
    expect(findPushers([buildUnnamed(EVE, C), buildPush(ANA, A)], [A])).toEqual(exactly(ANA));
  });

  it("a commit includes someone whose push names no commits and ran while the push that brought it did", () => {
    const brings = buildPush(ANA, A);
    const slow = { ...buildUnnamed(EVE, C), finished_at: brings.started_at + 50 };
    const skewed = { ...buildUnnamed(BOB, D), finished_at: brings.started_at - 4_000 };
    expect(findPushers([slow, skewed, brings], [A])).toEqual(exactly(ANA, BOB, EVE));
    expect(findPushers([slow, brings, buildPush(BOB, A, [])], [A])).toEqual(exactly(ANA, BOB, EVE));
    // Its refs were replaced after those of the push that brought the commit.
    expect(findPushers([brings, slow], [A])).toEqual(exactly(ANA));
    const again = { ...buildPush(ANA, A), started_at: brings.started_at };
    expect(findPushers([brings, slow, again], [A])).toEqual(exactly(ANA));
  });

  it("several commits includes someone whose push names no commits and ran while any of the pushes that brought them did", () => {
    const unnamed = buildUnnamed(EVE, D);
    const slow = { ...buildPush(BOB, B), started_at: unnamed.started_at };
    expect(findPushers([unnamed, buildPush(ANA, A), slow], [A])).toEqual(exactly(ANA));
    expect(findPushers([unnamed, buildPush(ANA, A), slow], [A, B])).toEqual(exactly(ANA, BOB, EVE));
  });

  it("a commit by an act that names no person is unknown, and is not exact", () => {
    expect(findPushers([buildPush(ANA, A), buildPush(null, B)], [A, B])).toEqual({ person_ids: [ANA], exact: false, hasUnknown: true });
    expect(findPushers([buildPush(ANA, A), buildPush(null, B)], null)).toEqual({ person_ids: [ANA], exact: false, hasUnknown: true });
  });

  it("a commit is exact although an act about other commits names no person", () => {
    expect(findPushers([buildPush(null, B), buildPush(ANA, A)], [A])).toEqual(exactly(ANA));
  });
});
