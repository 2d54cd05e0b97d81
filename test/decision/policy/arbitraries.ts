import fc from "fast-check";
import { LEVELS } from "../../../src/domain/level.js";
import type { ActInput } from "../../../src/domain/policy/policy-contract.js";
import { buildAct } from "./inputs.js";

export const level = fc.constantFrom(...LEVELS);
const branch = fc.oneof(
  fc.constantFrom("main", "release/1.2", "feature/x", "review/a/b", "hotfix/x"),
  fc.string({ unit: "grapheme", maxLength: 40 }),
);
const jobTypes = [
  "git.registry.init",
  "git.registry.push",
  "git.registry.tag_release",
  "git.registry.merge_protected",
  "git.registry.reset",
  "git.registry.archive",
];
const maybe = fc.option(fc.boolean(), { nil: null });
export const offices = ["office::default", "office:infra.deployer", "office:security", "office::agents", "office:registry"];

/** Acts of every kind, most of them plausible. */
export const anyAct: fc.Arbitrary<ActInput> = fc
  .record({
    job_type: fc.constantFrom(...jobTypes, "registry.policy.publish"),
    office_id: fc.constantFrom(...offices),
    has_card: fc.boolean(),
    name: branch,
    facts: fc.record({
      force: fc.boolean(),
      deletes: fc.boolean(),
      fast_forward: maybe,
      project_exists: maybe,
      changed_paths: fc.option(fc.array(fc.constantFrom("a.txt", "infra/a.tf"), { maxLength: 2 })),
    }),
    sandbox: fc.boolean(),
  })
  .map(({ name, sandbox, ...rest }) =>
    buildAct({
      ...rest,
      member_offices: offices,
      params: { branch: name, target: name },
      infra: sandbox ? { state: "enabled", context: "sandbox", telemetry_repo: null, is_registry: false } : "none",
    }),
  );
