import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BreakGlass } from "../../../src/domain/act/break-glass.js";
import { hashInfra } from "../../../src/domain/act/infra-context.js";
import type { Job } from "../../../src/domain/act/job.js";
import { pactSchema } from "../../../src/domain/act/pact.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import type { ActAuthority } from "../../../src/domain/card/authority.js";
import type { Card } from "../../../src/domain/card/card.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import { toPactKey } from "../../../src/domain/storage-key.js";
import { openInfraSource } from "../../../src/infra/source/open.js";
import type { InfraSource } from "../../../src/infra/source/source.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { planAct } from "../../../src/lab512/runner/plan-act.js";
import { NoEnvelope } from "../../../src/lab512/runner/runner.js";
import { readClaim } from "../../../src/storage/claims.js";
import { type Entry, formatRegistryJson } from "../../infra-engine/registries.js";
import { Clone } from "../../repository/real-git.js";
import {
  buildAuthority,
  buildRunnerCommand,
  PROJECT,
  registerByRunner,
  runEnvelope,
  signApproval,
  stagePushJob,
  toCardSigner,
  waitForReceipt,
  waitForRefusal,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { type ApproverName, AUTHOR, toActorId } from "./members.js";
import { createHookedStore } from "./store-hooks.js";
import { openWorld, TENANT, type World } from "./world.js";

// Ana answers for the app that proposes, and pushed the commits herself. Unless a story says otherwise, the attacker is LAB 256: it holds
// the keys of permits and statements, and no passkey.

const REASON: BreakGlass = { reason: "Payments are down and nobody else is awake." };

let world: World;
let infra: InfraSource;
let deps: RunnerDependencies;
let branches = 0;

beforeAll(async () => {
  world = await openWorld();
  await registerByRunner(world, await world.openRunner());
  infra = openInfraSource({ kind: "file", path: join(world.folder, "registry.json") }, world.store);
  deps = await world.openRunner({ infra });
});
afterAll(() => world.close());

const publish = (entry: Entry) => writeFile(join(world.folder, "registry.json"), formatRegistryJson({ [`${TENANT}/${PROJECT}`]: entry }));

/** Returns the merge into a new branch, main by default, of a commit that Ana wrote and pushed. By its branch alone a merge into main is L4. */
async function pushChange(target = "main"): Promise<Job> {
  branches += 1;
  const source = `feature/${branches}`;
  const clone = new Clone();
  clone.commit(`${branches}.txt`, "one\n");
  clone.git("commit", "-q", "--amend", "--no-edit", "--author=Ana <ana@example.org>");
  await publish("enabled production");
  const job = await stagePushJob(world, clone.bundle("HEAD"), { branch: source });
  const scopes = { actor_id: toActorId("ana"), ...(await readInfraScope()) };
  const pushed = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes })));
  expect(pushed.status, pushed.error).toBe("success");
  const params = { source, target, expected_source: clone.readHead(), expected_target: ZERO_ID } as const;
  return { jobType: "git.registry.merge_protected", params: { project_id: PROJECT, ...params, strategy: "fast-forward" } };
}

async function readInfraScope(): Promise<Pick<Permit["scopes"], "infra_hash">> {
  const now = await infra.resolve(TENANT, PROJECT);
  const infra_hash = now.ok ? hashInfra(now.value.infra) : undefined;
  if (infra_hash === undefined) throw new Error("the infra registry cannot be used");
  return { infra_hash };
}

interface Wanted {
  readonly entry?: Entry;
  readonly break_glass?: BreakGlass;
  readonly approvers?: readonly ApproverName[];
  readonly level?: "L3" | "L4" | "L5";
}

/** A card for the job with the approvals of its plan. */
async function approve(job: Job, { entry = "enabled production", level = "L5", ...card }: Wanted) {
  await publish(entry);
  const planned = await planAct(deps, { tenant_id: TENANT, target: "LAB_512", job });
  if (!planned.ok) throw new Error(planned.denial.message);
  const about = { tenant_id: TENANT, job, level, office_id: "office::default", plan_digest: planned.value.plan_digest };
  const { authority, scopes } = buildAuthority(toCardSigner(world), { ...about, ...card });
  return { authority, scopes: { ...scopes, ...(await readInfraScope()) } };
}

interface Attack extends Wanted {
  readonly scopes?: Partial<Permit["scopes"]>;
  readonly change?: (genuine: ActAuthority) => ActAuthority;
}

/** Approves the job, lets the attacker change what it can change, and expects that nothing happens. */
async function expectRefused(job: Job, code: Parameters<typeof expectRefusal>[3], why: RegExp, { scopes, change, ...wanted }: Attack) {
  const approved = await approve(job, wanted);
  const envelope = buildRunnerCommand(world, { job, scopes: { ...approved.scopes, ...scopes } });
  const refusal = await expectRefusal(world, deps, envelope, code, change === undefined ? approved.authority : change(approved.authority));
  expect(refusal.error).toMatch(why);
  expect(refusal).not.toHaveProperty("break_glass");
}

/** Signs a changed card with the api's key. Undefined removes a member. */
function resign({ kid: _, sig: __, ...card }: Card, changes: Partial<Card>): Card {
  const kept = Object.entries({ ...card, ...changes }).filter(([, value]) => value !== undefined);
  return signObject("card", Object.fromEntries(kept), world.keys.statement) as unknown as Card;
}
const withCard = (changes: Partial<Card>) => (own: ActAuthority) => ({ ...own, card: resign(own.card, changes) });

describe("an emergency in a disabled project", () => {
  it("is an act of its author and pusher, and of a second person, and its claim, receipt and Pact say so", async () => {
    const job = await pushChange("release/emergency");
    const { authority, scopes } = await approve(job, { entry: "disabled production", break_glass: REASON, approvers: ["ana", "bob"] });
    const envelope = buildRunnerCommand(world, { job, scopes });
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, {}, authority));
    expect(receipt, receipt.error).toMatchObject({
      status: "success",
      break_glass: REASON,
      refs: [{ name: "refs/heads/release/emergency" }],
    });
    expect((await readClaim(world.store, TENANT, receipt.jti))?.claim).toMatchObject({ break_glass: REASON });
    const sealed = await world.store.blobs.get(toPactKey(TENANT, PROJECT, receipt.refs[0]?.new ?? "", receipt.jti));
    const { payload } = JSON.parse(Buffer.from(sealed ?? []).toString("utf8")) as { payload: string };
    const { decision } = pactSchema.parse(JSON.parse(Buffer.from(payload, "base64").toString("utf8"))).predicate;
    expect(decision).toMatchObject({ level: "L5", break_glass: REASON });
  });

  it("says so too where it was claimed and then ended without an effect", async () => {
    const job = await pushChange();
    const { authority, scopes } = await approve(job, { break_glass: REASON, approvers: ["ana", "bob"] });
    const envelope = buildRunnerCommand(world, { job, scopes });
    const late = await world.openRunner({
      infra,
      onStep: (_, step) => {
        if (step === "claimed") world.clock.offsetMs += 3_600_000;
      },
    });
    const receipt = await waitForReceipt(runEnvelope(late, envelope, {}, authority));
    world.clock.offsetMs = 0;
    expect(receipt).toMatchObject({ status: "expired", break_glass: REASON, refs: [] });
  });

  it("happens although lost receipts leave unknown who pushed, which denies an ordinary act", async () => {
    const hooked = createHookedStore(world.store, {});
    const get: typeof hooked.blobs.get = async (key) => (key.startsWith("receipts/") ? undefined : hooked.blobs.get(key));
    const poor = await world.openRunner({ infra, store: { ...hooked, blobs: { ...hooked.blobs, get } } });
    const job = await pushChange("release/poor");
    const ordinary = await approve(job, {});
    const refusal = await waitForRefusal(
      runEnvelope(poor, buildRunnerCommand(world, { job, scopes: ordinary.scopes }), {}, ordinary.authority),
    );
    expect(refusal).toMatchObject({ code: "pushers_unknown" });
    const { authority, scopes } = await approve(job, { break_glass: REASON, approvers: ["ana", "bob"] });
    const receipt = await waitForReceipt(runEnvelope(poor, buildRunnerCommand(world, { job, scopes }), {}, authority));
    expect(receipt, receipt.error).toMatchObject({ status: "success", break_glass: REASON });
  });

  // A Runner dies after the move, and LAB 256 sends the retry with a card of its own that hides the emergency.
  it("is named by the receipt of an attempt that takes over, whatever card comes with it", async () => {
    const job = await pushChange("release/taken");
    const { authority, scopes } = await approve(job, { break_glass: REASON, approvers: ["ana", "bob"] });
    const envelope = buildRunnerCommand(world, { job, scopes });
    const dying = await world.openRunner({
      infra,
      onStep: (_, step) => {
        if (step === "moved") throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope, {}, authority)).rejects.toThrow("died");
    const hidden = withCard({ break_glass: undefined })(authority);
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }, hidden));
    expect(receipt, receipt.error).toMatchObject({ status: "success", break_glass: REASON });
  });
});

describe("the Runner refuses break-glass", () => {
  it("that LAB 256 adds to a card after its approval", async () => {
    const job = await pushChange();
    const added = withCard({ break_glass: REASON });
    await expectRefused(job, "decision_differs", /the act is L5, and the permit is for L4/, { level: "L4", change: added });
    await expectRefused(job, "approval_missing", /another content of the card/, { change: added });
    // Bob and Carol approved an ordinary act before the project was disabled for good.
    await expectRefused(job, "approval_missing", /another content of the card/, { entry: "disabled production", change: added });
  });

  it("that LAB 256 takes from a card after its approval, so that fewer approvals suffice", async () => {
    const job = await pushChange();
    const emergency = { break_glass: REASON, approvers: ["ana", "bob"] } as const;
    const hidden = withCard({ break_glass: undefined });
    await expectRefused(job, "decision_differs", /the act is L4, and the permit is for L5/, { ...emergency, change: hidden });
    // Bob alone would be enough for an act of L4, and he pushed nothing.
    await expectRefused(job, "approval_missing", /another content of the card/, { ...emergency, scopes: { level: "L4" }, change: hidden });
    const reworded = withCard({ break_glass: { reason: "A drill." } });
    await expectRefused(job, "approval_missing", /another content of the card/, { ...emergency, change: reworded });
  });

  it("that only the permit claims", async () => {
    const job = await pushChange();
    const approvers = ["ana", "bob"] as const;
    const lowered = withCard({ risk: undefined });
    // The permit's level does not declare an emergency.
    await expectRefused(job, "decision_differs", /disabled/, { entry: "disabled production", approvers });
    await expectRefused(job, "approval_missing", /author of a card does not approve/, { approvers });
    await expectRefused(job, "decision_differs", /the act is L4/, { approvers, change: lowered });
    const { authority, scopes } = await approve(job, { approvers });
    const { permit, ...envelope } = buildRunnerCommand(world, { job, scopes });
    for (const claimed of [
      { ...envelope, permit, break_glass: REASON },
      { ...envelope, permit: { ...permit, break_glass: REASON } },
      { ...envelope, permit: { ...permit, scopes: { ...permit.scopes, break_glass: REASON } } },
    ])
      await expect(runEnvelope(deps, claimed, {}, authority)).rejects.toThrow(NoEnvelope);
  });

  it("with one approver, also if that person approves twice", async () => {
    const job = await pushChange();
    await expectRefused(job, "approval_missing", /lacks 1 more approval with step-up/, { break_glass: REASON, approvers: ["ana"] });
    await expectRefused(job, "approval_missing", /lacks 1 more approval with step-up/, { break_glass: REASON, approvers: ["ana", "ana"] });
  });

  it("with statements that the api signed, in place of step-ups", async () => {
    const job = await pushChange();
    await expectRefused(job, "approval_missing", /lacks 2 more approvals with step-up.*needs a step-up/, {
      break_glass: REASON,
      change: restate(["ana", "bob"]),
    });
    await expectRefused(job, "approval_missing", /lacks 1 more approval with step-up/, {
      break_glass: REASON,
      approvers: ["ana"],
      change: (own) => ({ ...own, statements: [...own.statements, ...restate(["bob"])(own).statements] }),
    });
  });

  it("with the approval of an app, also with the passkey of the person who answers for it", async () => {
    const job = await pushChange();
    await expectRefused(job, "approval_missing", /only a person has passkeys/, {
      break_glass: REASON,
      approvers: ["bob"],
      change(own) {
        const [bob] = own.statements;
        const { statement, attestor } = restate(["ana"], AUTHOR)(own).statements[0] ?? {};
        if (bob === undefined || statement === undefined || attestor === undefined) throw new Error("nothing was stated");
        return { ...own, statements: [bob, { statement, attestor, assertion: world.members.assert("ana", statement) }] };
      },
    });
  });

  it("for an act on no project", async () => {
    const job: Job = {
      jobType: "registry.members.change",
      params: { project_id: "_", persons: { "person:dora": { name: "Dora", emails: [], passkeys: [], disabled: false } }, actors: {} },
    };
    const { authority, scopes } = await approve(job, { level: "L3" });
    const { infra_hash: _, ...ofNoProject } = scopes;
    const envelope = buildRunnerCommand(world, { job, scopes: ofNoProject });
    const claimed = withCard({ break_glass: REASON })(authority);
    const refusal = await waitForRefusal(runEnvelope(deps, envelope, {}, claimed));
    expect(refusal).toMatchObject({ code: "envelope_invalid", error: expect.stringMatching(/card\.break_glass: Only a card for a/) });
  });

  it("for a project that the infra registry does not know", async () => {
    const job = await pushChange();
    await publish("enabled production");
    await writeFile(join(world.folder, "registry.json"), formatRegistryJson({ [`${TENANT}/P.other`]: "enabled sandbox" }));
    const planned = await planAct(deps, { tenant_id: TENANT, target: "LAB_512", job });
    if (!planned.ok) throw new Error(planned.denial.message);
    const about = { tenant_id: TENANT, job, level: "L5", office_id: "office::default", plan_digest: planned.value.plan_digest } as const;
    const { authority, scopes } = buildAuthority(toCardSigner(world), { ...about, break_glass: REASON, approvers: ["ana", "bob"] });
    const envelope = buildRunnerCommand(world, { job, scopes: { ...scopes, ...(await readInfraScope()) } });
    const refusal = await expectRefusal(world, deps, envelope, "decision_differs", authority);
    expect(refusal.error).toMatch(/does not know/);
  });
});

/** Makes approvals as the api can sign them for anybody, without a passkey. */
function restate(names: readonly ApproverName[], approver?: string) {
  return (own: ActAuthority): ActAuthority => {
    const plan_digest = own.statements[0]?.statement.plan_digest ?? "";
    const changes = { hasStepUp: false, ...(approver === undefined ? {} : { approver }) };
    return { ...own, statements: names.map((name) => signApproval(toCardSigner(world), name, own.card, plan_digest, changes)) };
  };
}
