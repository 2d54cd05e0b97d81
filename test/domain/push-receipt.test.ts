import { describe, expect, it } from "vitest";
import { toPushReceipt } from "../../src/domain/git/push-receipt.js";
import { type Receipt, receiptSchema } from "../../src/domain/permit/receipt.js";
import { receipt as sample } from "./samples.js";

const [TIP, OTHER, ZERO] = ["a", "b", "0"].map((digit) => digit.repeat(40)) as [string, string, string];
const buildReceipt = (changes: Partial<Receipt>): Receipt =>
  receiptSchema.parse({ ...sample, refs: [{ name: "refs/heads/feature/x", old: ZERO, new: TIP }], ...changes });

describe("what a receipt says about pushed commits", () => {
  it("is the tips, the commits that were new, the person, and when the attempt ran", () => {
    const artifacts = [JSON.stringify({ branch: "feature/x", commit: TIP, brought: [TIP, OTHER] })];
    const usage = { wall_ms: 12.5, staged_bytes: 0, stored_bytes: 0 };
    const { person_id, finished_at } = sample;
    expect(toPushReceipt(buildReceipt({ artifacts, usage }))).toEqual({
      ...{ person_id, tips: [TIP], brought: [TIP, OTHER] },
      ...{ started_at: finished_at - 13, finished_at },
    });
  });

  it("does not include commits if the receipt names none", () => {
    expect(toPushReceipt(buildReceipt({ artifacts: [] }))).not.toHaveProperty("brought");
  });

  it("is the same for an agent as for the person who answers for it", () => {
    const byAgent = buildReceipt({ actor_id: "ubl:sid:agent:helper", person_id: "person:ana" });
    expect(toPushReceipt(byAgent)).toMatchObject({ person_id: "person:ana" });
  });

  it("is nothing for an act that adds no commits to a branch", () => {
    const deletion = [{ name: "refs/heads/feature/x", old: TIP, new: ZERO }];
    const tag = [{ name: "refs/tags/v1.0.0", old: ZERO, new: TIP }];
    expect(toPushReceipt(buildReceipt({ refs: deletion }))).toBeUndefined();
    expect(toPushReceipt(buildReceipt({ jobType: "git.registry.reset", refs: deletion }))).toBeUndefined();
    expect(toPushReceipt(buildReceipt({ jobType: "git.registry.tag_release", refs: tag }))).toBeUndefined();
    expect(toPushReceipt(buildReceipt({ status: "error", error: "No.", code: "ref_moved" }))).toBeUndefined();
  });
});
