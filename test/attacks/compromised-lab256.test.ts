import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import { computeUserHandle } from "../../src/decision/assertion.js";
import { computeCardActId } from "../../src/domain/act/act-id.js";
import type { MayBreakGlass } from "../../src/domain/act/break-glass.js";
import { hashSubject, type Job } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { ActAuthority } from "../../src/domain/card/authority.js";
import { type Card, hashCard } from "../../src/domain/card/card.js";
import { computeStatementChallenge, type SignedStatement, type Statement } from "../../src/domain/card/statement.js";
import { TERMINAL_ORIGIN } from "../../src/domain/charter/passkeys.js";
import type { Outcome } from "../../src/domain/denial.js";
import type { PlannedAct, RunCommandInput } from "../../src/domain/flow/lab512-steps.js";
import type { Level } from "../../src/domain/level.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { toAudience } from "../../src/domain/permit/permit.js";
import type { RunnerAnswer } from "../../src/domain/permit/receipt.js";
import { toStagingKey } from "../../src/domain/storage-key.js";
import { generatePasskey } from "../../src/passkey/authenticator.js";
import { assertPasskey } from "../../src/passkey/client.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { chooseExtent } from "../harness/campaign.js";
import { changeActor, readFoundingKey, signChange } from "../harness/charter.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { createWorldKey, hashContents } from "../lab512/runner/world.js";
import { approveAsEach, openTagCard } from "../scenarios/acts.js";
import { MergeProject } from "../scenarios/merge-project.js";
import { buildScenarioTenants, STRICT_TENANT } from "../scenarios/tenants.js";
import { ATTACKER_QUEUE, serveWhile } from "./attacker-worker.js";

// LAB 256 is wholly compromised: the attacker has its keys of permits and statements, reaches Temporal with a worker of its own, stages
// bytes, and knows every statement that was ever made. It has no approver's passkey, no founding key and no Runner's key. It uses no code of LAB 256.

const TENANTS = [DEMO_TENANT, STRICT_TENANT];
const ADMIN = { actor_id: "ubl:sid:person:admin", person_id: "person:ana" };
const APPROVERS = ["bob", "carol"] as const;

let registry: ServedRegistry;
let temporal: TemporalTestClient;
let keys: Readonly<Record<"permit" | "statement", SigningKey>>;
const projects = new Map<string, MergeProject>();

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "compromised-lab256", tenants: buildScenarioTenants() });
  temporal = await openTemporalClient(registry.temporal);
  keys = { permit: readSigningKey(registry.founded.keys.permit), statement: readSigningKey(registry.founded.keys.statement) };
  for (const name of ["admin", ...APPROVERS]) await registerCountedPasskey(registry, name);
  for (const tenant of TENANTS) {
    await changeActor(registry, registry.getActor("admin", tenant), (actor) => ({
      ...actor,
      offices: ["office::default", "office:registry"].map((office_id) => ({ office_id, roles: [] })),
    }));
    const project = await MergeProject.create(registry, "P.target", tenant);
    projects.set(tenant, project);
    const release = await project.openMergeCard("main", "release/1", { strategy: "fast-forward" });
    expect(await approveAsEach(registry, release, [...APPROVERS], tenant)).toMatchObject({ status: "success", level: "L5" });
  }
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

interface WantedAct {
  readonly level: "L4" | "L5";
  readonly office_id?: string;
  readonly job: Job;
}

/** Every kind of act of L4 and L5 that the tenant has. */
async function listActs(tenant: string): Promise<Readonly<Record<string, WantedAct>>> {
  const project = projects.get(tenant);
  if (project === undefined) throw new Error(`${tenant} has no project`);
  const tips = Object.fromEntries(
    await Promise.all(["main", "release/1", "feature/x"].map(async (b) => [b, (await project.readTip(b)) ?? ""])),
  );
  const project_id = project.id;
  const merge = (target: string): Job => ({
    jobType: "git.registry.merge_protected",
    params: {
      ...{ project_id, source: "feature/x", target, strategy: "merge" },
      ...{ expected_source: tips["feature/x"] ?? "", expected_target: tips[target] ?? "" },
    },
  });
  const bundle = project.clone.bundle("feature/y");
  const subject_hash = hashBlake3Hex(bundle);
  await registry.store.blobs.create(toStagingKey(tenant, subject_hash), bundle);
  const force = (branch: string): Job => ({
    jobType: "git.registry.push",
    params: { project_id, branch, expected_old: tips[branch] ?? "", commit_summary: "Mine", subject_hash, force: true },
  });
  const remove = (branch: string): Job => ({
    jobType: "git.registry.push",
    params: {
      ...{ project_id, branch, expected_old: tips[branch] ?? "", commit_summary: "Gone", delete: true },
      subject_hash: hashBlake3Hex(new Uint8Array(0)),
    },
  });
  const members = async (person: (bob: Record<string, unknown>) => Record<string, unknown>): Promise<Job> => {
    const signed = await signChange(registry, tenant, (state) => ({
      jobType: "registry.members.change",
      params: { persons: { "person:bob": person({ ...state.find("person", "person:bob") }) as never }, actors: {} },
    }));
    return { jobType: "registry.members.change", params: { project_id: "_", ...signed?.change.params } } as Job;
  };
  const office_id = "office:registry";
  return {
    "merge into main": { level: "L4", job: merge("main") },
    "tag a release": {
      level: "L4",
      job: { jobType: "git.registry.tag_release", params: { project_id, tag: "v9.9.9", commit: tips["main"] ?? "", notes: "Mine." } },
    },
    "merge into release/1": { level: "L5", job: merge("release/1") },
    "force main": { level: "L5", job: force("main") },
    "force release/1": { level: "L5", job: force("release/1") },
    "delete main": { level: "L5", job: remove("main") },
    "delete release/1": { level: "L5", job: remove("release/1") },
    "disable an approver": { level: "L4", office_id, job: await members((bob) => ({ ...bob, disabled: true })) },
    "give an approver another address": {
      level: "L5",
      office_id,
      job: await members((bob) => ({ ...bob, emails: ["mallory@example.org"] })),
    },
    "rotate keys": {
      level: "L5",
      office_id,
      job: {
        jobType: "registry.keys.rotate",
        params: { project_id: "_", add: [{ use: "permit", jwk: createWorldKey().jwk, revoked: false }], revoke: [] },
      },
    },
  };
}

const serve = <T>(workflow: string, ...args: unknown[]): Promise<T> =>
  temporal.client.workflow.execute(workflow, { taskQueue: ATTACKER_QUEUE, workflowId: `mallory/${randomUUID()}`, args }) as Promise<T>;

interface Forgery {
  readonly level: Level;
  readonly planned?: PlannedAct;
  readonly authority?: ActAuthority;
}

/** A command with a permit that the attacker signs. */
function forgeCommand(
  tenant_id: string,
  { job, office_id = "office::default" }: WantedAct,
  policy_hash: string,
  forged: Forgery,
): RunCommandInput {
  const { authority, planned, level } = forged;
  const jti =
    authority === undefined || planned === undefined
      ? randomUUID()
      : computeCardActId(tenant_id, authority.card.card_id, 1, planned.plan_digest);
  const subject_hash = hashSubject(job.params);
  const shared = { tenant_id, jobType: job.jobType, target: "LAB_512", subject_hash, policy_hash, office_id } as const;
  const approved = authority === undefined ? {} : { approval_ref: authority.card.card_id, plan_digest: planned?.plan_digest };
  const iat = Date.now();
  // The other tenant's charter names no keys.
  const versions = { charter_version: 1, ...(tenant_id === DEMO_TENANT ? {} : { operator_version: 1 }) };
  const permit = signObject(
    "permit",
    {
      ...{ aud: toAudience("LAB_512"), jti, iat, exp: iat + 60_000, max_run_ms: 60_000 },
      scopes: { ...shared, ...approved, ...versions, level, actor_id: ADMIN.actor_id },
    },
    keys.permit,
  );
  const envelope = { ...shared, jti, jobId: authority?.card.jobId ?? `job-${jti}`, params: job.params, permit } as CommandEnvelope;
  return { envelope, authority: authority ?? null, round: 1 };
}

/** A card of admin about the act, as the compromised api signs it, with whatever statements the attacker makes. */
function forgeAuthority(
  tenant_id: string,
  { job, office_id = "office::default" }: WantedAct,
  { plan_digest }: PlannedAct,
  { risk, state, ...emergency }: MayBreakGlass & { readonly risk: Level; readonly state: (statement: Statement) => SignedStatement },
): ActAuthority {
  const card_id = `k-${randomUUID()}`;
  const unsigned = {
    ...{ ...job, tenant_id, card_id, jobId: `job-${card_id}`, office_id, target: "LAB_512", risk },
    ...{ intent: "Mine", context: {}, run: "on_approval", author: ADMIN, opened_at: Date.now(), ...emergency },
  };
  const card = signObject("card", unsigned, keys.statement) as Card;
  const statements = APPROVERS.map((name) =>
    state({
      ...{ tenant_id, card_id, card_digest: hashCard(card), round: 1, plan_digest, decision: "approve" },
      ...{ approver: `ubl:sid:person:${name}`, office_id: "office::default", nonce: "n".repeat(22), not_after: Date.now() + 60_000 },
    }),
  );
  return { card, statements, attestations: [] };
}

/** Attests a statement as the api. */
function attest(statement: Statement): SignedStatement {
  const { kid, sig } = signObject("statement", { ...statement }, keys.statement);
  return { statement, attestor: { kid, sig } };
}

/** Asserts a statement with a passkey of the attacker's own that has the approver's name. */
function assertAsOwn(statement: Statement): SignedStatement {
  const name = statement.approver.split(":").at(-1) ?? "";
  const handle = Buffer.from(computeUserHandle(`person:${name}`)).toString("base64url");
  const passkey = generatePasskey("localhost", { handle, name });
  return {
    ...attest(statement),
    assertion: assertPasskey(passkey, computeStatementChallenge(statement), TERMINAL_ORIGIN, "localhost").assertion,
  };
}

describe.each(TENANTS)("a compromised LAB 256 makes no act of L4 or L5 happen in %s", (tenant) => {
  it("by any permit, card and statements that it can sign", async () => {
    const project = projects.get(tenant);
    if (project === undefined) throw new Error("no project");
    // Bob's genuine approval of another act, with his passkey's assertion.
    const admin = registry.as("admin", tenant);
    const other = await openTagCard(admin, { project_id: project.id, tag: "v1.0.0", commit: (await project.readTip("main")) ?? "" });
    expect(await approveAsEach(registry, other, ["bob"], tenant)).toMatchObject({ status: "success" });
    const said = await admin.readCard(other.card_id);
    const genuine = (said.ok ? said.value.statements : undefined)?.map((one) => one["signed"] as SignedStatement) ?? [];
    expect(genuine.map(({ assertion }) => typeof assertion)).toEqual(["object"]);

    const charter = await admin.readCharter();
    const policy_hash = String((charter.ok ? charter.value : {})["policy_hash" as never]);
    // The suite tries every other act, and in the other tenant those between.
    const acts = Object.entries(await listActs(tenant)).filter(
      (_, at) => at % chooseExtent(2, 1) === chooseExtent(TENANTS.indexOf(tenant), 0),
    );
    const before = await readState(tenant);
    const answers = await serveWhile(registry.temporal, { taskQueue: ATTACKER_QUEUE }, async () => {
      const found: [string, RunnerAnswer][] = [];
      for (const [name, act] of acts) {
        const plan = await serve<Outcome<PlannedAct>>("planDirectly", { tenant_id: tenant, target: "LAB_512", ...act.job });
        if (!plan.ok) throw new Error(`${name}: ${plan.denial.message}`);
        const planned = plan.value;
        const { level } = act;
        const forge = (as: Level, state: (statement: Statement) => SignedStatement, change = (own: ActAuthority) => own) =>
          forgeCommand(tenant, act, policy_hash, {
            level: as,
            planned,
            authority: change(forgeAuthority(tenant, act, planned, { risk: as, state })),
          });
        const commands = [
          ...(["L0", "L1", "L2", "L3", level] as const).map((as) => forgeCommand(tenant, act, policy_hash, { level: as })),
          forge(level, attest),
          forge("L3", attest),
          forge(level, assertAsOwn),
          forge(level, attest, (own) => ({ ...own, statements: genuine })),
          forge(level, (statement) => ({ ...attest(statement), ...pickAssertion(genuine) })),
          forge(level, attest, (own) => ({ ...own, statements: [] })),
          forge("L5", attest, () => forgeAuthority(tenant, act, planned, { risk: "L5", state: attest, break_glass: { reason: "Mine." } })),
        ];
        for (const answer of await serve<RunnerAnswer[]>("runAllDirectly", commands)) found.push([name, answer]);
      }
      return found;
    });
    expect(answers).toHaveLength(acts.length * 12);
    expect(answers.filter(([, answer]) => answer.kind !== "refusal")).toEqual([]);
    const codes = new Set(answers.map(([, answer]) => (answer.kind === "refusal" ? answer.refusal.code : "")));
    expect([...codes].sort()).toEqual(["approval_missing", "decision_differs", "envelope_invalid"]);
    expect(await readState(tenant)).toEqual(before);
  }, 180_000);

  it("by an entry of the charter that it sends itself", async () => {
    const before = await readState(tenant);
    const founded = await signChange(registry, tenant, (state) => {
      const bob = state.find("person", "person:bob");
      if (bob === undefined) throw new Error("no Bob");
      return { jobType: "registry.members.change", params: { persons: { "person:bob": { ...bob, disabled: true } }, actors: {} } };
    });
    if (founded === undefined) throw new Error("nothing was signed");
    const authority = { kind: "founding", kid: readFoundingKey(registry, tenant).kid, sig: "AAAA" } as const;
    const answer = await registry.as("admin", tenant).appendCharterEntry({ ...founded, authority });
    expect(answer).toMatchObject({ ok: false, problem: { code: "charter_invalid" } });
    expect(await readState(tenant)).toEqual(before);
  });
});

/** The tenant's refs and charter, as the object store has them. */
async function readState(tenant: string): Promise<Readonly<Record<string, string>>> {
  const contents = await hashContents(registry.store, [
    "artifacts",
    "refusals",
    "staging",
    "anchors",
    "claims",
    "ends",
    "receipts",
    "policies",
  ]);
  const own = Object.entries(contents).filter(
    ([key]) => key.startsWith(`charter/${tenant}/`) || (key.startsWith(`repos/${tenant}/`) && key.endsWith("packed-refs")),
  );
  expect(own.length).toBeGreaterThan(1);
  return Object.fromEntries(own);
}

function pickAssertion([first]: readonly SignedStatement[]): Pick<SignedStatement, "assertion"> {
  return first?.assertion === undefined ? {} : { assertion: first.assertion };
}
