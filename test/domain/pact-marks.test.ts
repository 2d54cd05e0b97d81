import { expect, it } from "vitest";
import { formatMarkLines } from "../../src/cli/terminal/text.js";
import type { PinnedMergeParams } from "../../src/domain/act/job.js";
import { buildMergePredicate } from "../../src/planning/merge/merge-predicate.js";
import { buildExecuteInput, PROJECT } from "../lab512/jobs/stage.js";

// Whoever reads a Pact alone would take the act for one that two persons decided.
it("a Pact and its text say that an act was solo, and say nothing of an ordinary one", () => {
  const params: PinnedMergeParams = {
    ...{ project_id: PROJECT, source: "feature/x", target: "main", strategy: "merge" },
    ...{ expected_source: "a".repeat(40), expected_target: "b".repeat(40) },
  };
  const { permit, jti } = buildExecuteInput("git.registry.merge_protected", params, "94b5731a-2f54-8a5a-ab1f-99157d3bf5a9");
  const performed = { jti, params, permit, statements: [], keyid: "k" };
  const made = { commit: "c".repeat(40), tree: "d".repeat(40), parents: [] };
  const { decision } = buildMergePredicate("T.UBL", { ...performed, solo: true }, made);
  expect(decision).toMatchObject({ solo: true });
  expect(formatMarkLines(decision)).toEqual([expect.stringContaining("SOLO")]);
  const ordinary = buildMergePredicate("T.UBL", performed, made).decision;
  expect(ordinary).not.toHaveProperty("solo");
  expect(formatMarkLines(ordinary)).toEqual([]);
});
