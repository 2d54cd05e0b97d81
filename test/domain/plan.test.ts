import { expect, it } from "vitest";
import { hashPlan, type Plan } from "../../src/domain/act/plan.js";

const plan: Plan = {
  basis: {
    tenant_id: "T.UBL",
    project_id: "P.demo",
    job_type: "git.registry.push",
    target: "LAB_512",
    params: {
      project_id: "P.demo",
      branch: "feature/a",
      expected_old: "0".repeat(40),
      commit_summary: "a",
      subject_hash: "a".repeat(64),
    },
    refs: [{ name: "refs/heads/feature/a", old: "0".repeat(40), new: "1".repeat(40) }],
    creates: [],
    policy_hash: "b".repeat(64),
    infra: "none",
  },
  fast_forward: true,
  commit_count: 1,
  commits: [{ id: "1".repeat(40), summary: "a", author: "Ada", author_email: "ada@example.org", authored_at_ms: 1_700_000_000_000 }],
  author_emails: ["ada@example.org"],
  pushed_before: ["2".repeat(40)],
  changed_paths: [],
  diffstat: { files: 1, insertions: 1, deletions: 0 },
};

it.each<[keyof Plan, Partial<Plan>]>([
  ["basis", { basis: { ...plan.basis, policy_hash: "c".repeat(64) } }],
  ["fast_forward", { fast_forward: false }],
  ["author_emails", { author_emails: [] }],
  ["pushed_before", { pushed_before: [] }],
  ["changed_paths", { changed_paths: ["a.txt"] }],
])("the digest of a plan covers its `%s`", (_, change) => {
  expect(hashPlan({ ...plan, ...change })).not.toBe(hashPlan(plan));
});

it.each<[keyof Plan, Partial<Plan>]>([
  ["commit_count", { commit_count: 2 }],
  ["commits", { commits: plan.commits.map((commit) => ({ ...commit, summary: "another" })) }],
  ["diffstat", { diffstat: { ...plan.diffstat, deletions: 1 } }],
])("the digest of a plan does not cover its `%s`, which is merely shown", (_, change) => {
  expect(hashPlan({ ...plan, ...change })).toBe(hashPlan(plan));
});
