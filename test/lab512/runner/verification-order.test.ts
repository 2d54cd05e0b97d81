import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, it } from "vitest";
import { buildFullAllowance } from "../../../src/domain/act/full-allowance.js";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import type { DenialCode } from "../../../src/domain/denial.js";
import { toClaimKey } from "../../../src/domain/storage-key.js";
import { openInfraSource } from "../../../src/infra/source/open.js";
import { Allowances } from "../../../src/lab512/runner/allowances.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { chooseExtent } from "../../harness/campaign.js";
import { Clone } from "../../repository/real-git.js";
import { buildRunnerCommand, type Recipe, registerByRunner, stagePushJob } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

const OTHER_HASH = "e".repeat(64);

/** One flaw of a command. */
interface Flaw {
  readonly name: string;
  readonly code: DenialCode;
  readonly recipe?: (job: Job, jti: string) => Partial<Recipe>;
  readonly runner?: (deps: RunnerDependencies) => Partial<RunnerDependencies>;
  readonly store?: (world: World, jti: string) => Promise<unknown>;
}

/** In the order of the Runner's checks. */
const FLAWS: readonly Flaw[] = [
  { name: "an unknown key", code: "permit_key_unknown", recipe: () => ({ signer: createWorldKey() }) },
  {
    name: "a forged permit",
    code: "permit_signature_invalid",
    recipe: () => ({ forge: (permit) => ({ ...permit, iat: permit.iat + 1 }) }),
  },
  { name: "another office", code: "permit_mismatch", recipe: () => ({ envelope: { office_id: "office:security" } }) },
  { name: "another runner", code: "wrong_target", recipe: () => ({ permit: { aud: "runner:LAB_256" } }) },
  { name: "an expired permit", code: "permit_expired", recipe: () => ({ permit: { exp: 1 } }) },
  {
    name: "other params",
    code: "subject_hash_mismatch",
    recipe: (job) => ({ envelope: { params: { ...job.params, commit_summary: "Something else" } } }),
  },
  // The store was restored from an old backup, or an attacker removed the newest entries.
  { name: "a version of the charter that the store lacks", code: "charter_invalid", recipe: () => ({ scopes: { charter_version: 2 } }) },
  { name: "an old policy", code: "policy_not_current", recipe: () => ({ scopes: { policy_hash: OTHER_HASH } }) },
  {
    name: "an unreadable infra registry",
    code: "infra_unavailable",
    runner: ({ store }) => ({ infra: openInfraSource({ kind: "file", path: "/nowhere/registry.json" }, store) }),
  },
  { name: "another infra context", code: "infra_changed", recipe: () => ({ scopes: { infra_hash: OTHER_HASH } }) },
  {
    name: "a job that is not allowed",
    code: "job_not_allowed",
    runner: ({ charters }) => {
      const tenants = { [TENANT]: { ...buildFullAllowance(TENANT), jobs: [] } };
      return { allowances: new Allowances(charters, { version: 1, tenants }) };
    },
  },
  // A commit or tag of such a Runner would not verify.
  { name: "a git key that the charter does not name", code: "git_key_invalid", runner: () => ({ gitKey: createWorldKey() }) },
  { name: "no approval", code: "approval_missing", recipe: () => ({ scopes: { level: "L3", plan_digest: OTHER_HASH } }) },
  { name: "another plan", code: "plan_changed", recipe: () => ({ scopes: { level: "L3", plan_digest: OTHER_HASH, approval_ref: "k-1" } }) },
  {
    name: "a used permit",
    code: "permit_used",
    store: (world, jti) =>
      world.store.blobs.create(
        toClaimKey(TENANT, jti),
        toCanonicalBytes({
          tenant_id: TENANT,
          jti,
          envelope_digest: OTHER_HASH,
          workflow_id: "w",
          run_id: "r",
          activity_id: "1",
          attempt: 1,
          nonce: "n",
          claimed_at: 1,
          charter_version: 1,
          statement_digests: [],
          kid: "k",
          sig: "s",
        }),
      ),
  },
];

/** A permit either lacks an approval or has one for another plan. */
const canMeet = (earlier: Flaw, later: Flaw | undefined) => !(earlier.code === "approval_missing" && later?.code === "plan_changed");

/**
 * The checks run one after another, so the suite pairs each flaw with the next, from which its order among all others follows, and with the
 * one after that where one of the two pairs between them cannot be.
 */
const PAIRS = FLAWS.flatMap((earlier, at) =>
  FLAWS.slice(at + 1)
    .filter((later, distance) => {
      const [next, after] = FLAWS.slice(at + 1, at + 3);
      const isLinked = canMeet(earlier, next) && (next === undefined || canMeet(next, after));
      return canMeet(earlier, later) && distance < chooseExtent(isLinked ? 1 : 2, FLAWS.length);
    })
    .map((later) => ({ earlier, later, first: earlier.name, second: later.name })),
);

describe("the order of the Runner's checks", () => {
  let world: World;
  let deps: RunnerDependencies;
  let job: Job;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    const clone = new Clone();
    clone.commit("a.txt", "one\n");
    job = await stagePushJob(world, clone.bundle("main"), { branch: "feature/x" });
  });
  afterAll(() => world.close());

  const expectFirst = async (code: DenialCode, ...flaws: readonly Flaw[]) => {
    const jti = randomUUID();
    const recipes = flaws.map((flaw) => flaw.recipe?.(job, jti) ?? {});
    const merged: Recipe = {
      ...Object.assign({}, ...recipes),
      job,
      permit: { ...Object.assign({}, ...recipes.map((recipe) => recipe.permit)), jti },
      scopes: Object.assign({}, ...recipes.map((recipe) => recipe.scopes)),
      envelope: Object.assign({}, ...recipes.map((recipe) => recipe.envelope)),
    };
    const runner: RunnerDependencies = Object.assign({}, deps, ...flaws.map((flaw) => flaw.runner?.(deps)));
    for (const flaw of flaws) await flaw.store?.(world, jti);
    await expectRefusal(world, runner, buildRunnerCommand(world, merged), code);
  };

  it.each(FLAWS)("refuses a command whose only flaw is $name with $code", async (flaw) => {
    await expectFirst(flaw.code, flaw);
  });

  it.each(PAIRS)("reports $first rather than $second if a command has both flaws", async ({ earlier, later }) => {
    await expectFirst(earlier.code, earlier, later);
  });
});
