import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import { signObject } from "../../../src/domain/bytes/signature.js";
import type { ActAuthority } from "../../../src/domain/card/authority.js";
import type { Card } from "../../../src/domain/card/card.js";
import type { ChangeParams } from "../../../src/domain/charter/change.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import { LEVELS } from "../../../src/domain/level.js";
import type { Permit } from "../../../src/domain/permit/permit.js";
import { TELEMETRY_ACTOR_ID } from "../../../src/domain/service-actor.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { Clone } from "../../repository/real-git.js";
import {
  approveJob,
  buildInitJob,
  buildRunnerCommand,
  findAuthority,
  type Recipe,
  readTip,
  registerByRunner,
  runEnvelope,
  signApproval,
  stagePushJob,
  toCardSigner,
  waitForReceipt,
  waitForRefusal,
} from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { type ApproverName, AUTHOR, toActorId, toPersonId } from "./members.js";
import { openWorld, TENANT, type World } from "./world.js";

// The attacker is LAB 256: it holds the keys of permits and statements and sends the Runner whatever it likes. It has no passkey of an
// approver, and no founding key.

describe("the Runner's own decision", () => {
  let world: World;
  let deps: RunnerDependencies;
  let branches = 0;

  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
  });
  afterAll(() => world.close());

  /** Pushes a commit to a branch of its own. Returns the job that merges it into `main`, which is L4. */
  const pushChange = async (pusher: string = AUTHOR, author = "dora@example.org"): Promise<Job> => {
    branches += 1;
    const clone = new Clone();
    clone.commit(`${branches}.txt`, "one\n");
    clone.git("commit", "-q", "--amend", "--no-edit", `--author=Author <${author}>`);
    const tip = clone.readHead();
    const job = await stagePushJob(world, clone.bundle("HEAD"), { branch: `feature/${branches}` });
    const pushed = await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job, scopes: { actor_id: pusher } })));
    expect(pushed.status, pushed.error).toBe("success");
    const params = { source: `feature/${branches}`, target: "main", expected_source: tip, expected_target: ZERO_ID } as const;
    return { jobType: "git.registry.merge_protected", params: { project_id: "P.demo", ...params, strategy: "fast-forward" } };
  };

  interface Attack {
    readonly job: Job;
    readonly scopes?: Partial<Permit["scopes"]>;
    readonly permit?: Recipe["permit"];
    readonly change?: (genuine: ActAuthority) => ActAuthority | null;
  }
  /** Approves the job by bob, changes what the attacker can change, and expects that main stays unborn. */
  const expectRefused = async (code: Parameters<typeof expectRefusal>[3], why: RegExp, { job, scopes, permit, change }: Attack) => {
    const approved = await approveJob(world, deps, job, "L4");
    const recipe = { job, scopes: { ...approved, ...scopes }, ...(permit === undefined ? {} : { permit }) };
    const envelope = buildRunnerCommand(world, recipe);
    const genuine = findAuthority(envelope);
    if (genuine === null) throw new Error("the card has no authority");
    const refusal = await expectRefusal(world, deps, envelope, code, change === undefined ? genuine : change(genuine));
    expect(refusal.error).toMatch(why);
    expect(await readTip(world, "main")).toBeUndefined();
  };

  /** Signs with the api's key, as an attacker who holds it. */
  const signCard = ({ kid: _, sig: __, ...card }: Card, changes: Partial<Card>): Card =>
    signObject("card", { ...card, ...changes }, world.keys.statement) as Card;
  const approve = (name: ApproverName, card: Card, plan_digest: string, changes: Parameters<typeof signApproval>[4]) =>
    signApproval(toCardSigner(world), name, card, plan_digest, changes);
  const getPlan = ({ statements: [first] }: ActAuthority): string => first?.statement.plan_digest ?? "";

  it.each(LEVELS)("refuses a merge by a permit of level %s for an actor that does not exist, without a card", async (level) => {
    const job = await pushChange();
    const scopes = { level, actor_id: "ubl:sid:person:ghost" };
    const code = ["L3", "L4", "L5"].includes(level) ? "approval_missing" : "decision_differs";
    await expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes }), code);
    expect(await readTip(world, "main")).toBeUndefined();
  });

  it.each(["L0", "L1", "L2"] as const)("refuses a merge by a member's permit of level %s without a card", async (level) => {
    const job = await pushChange();
    const refusal = await expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes: { level } }), "decision_differs");
    expect(refusal.error).toMatch(/needs an approved card/);
  });

  it("refuses a push at L0, and a push by the registry's own service", async () => {
    const clone = new Clone();
    clone.commit("a.txt", "one\n");
    const job = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/low" });
    await expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes: { level: "L0" } }), "decision_differs");
    const scopes = { actor_id: TELEMETRY_ACTOR_ID, office_id: "office:telemetry" };
    await expectRefusal(world, deps, buildRunnerCommand(world, { job, scopes }), "decision_differs");
  });

  it("refuses a merge without the card and the approvals", async () => {
    await expectRefused("approval_missing", /without the card/, { job: await pushChange(), change: () => null });
  });

  it("refuses approvals that LAB 256 made itself, without the approver's passkey", async () => {
    const job = await pushChange();
    await expectRefused("approval_missing", /lacks 1 more approval/, { job, change: (own) => ({ ...own, statements: [] }) });
    await expectRefused("approval_missing", /needs a step-up/, {
      job,
      change: (own) => ({ ...own, statements: [approve("carol", own.card, getPlan(own), { hasStepUp: false })] }),
    });
  });

  it("refuses an assertion of another statement, or of another person's passkey", async () => {
    const job = await pushChange();
    await approveJob(world, deps, job, "L4");
    await expectRefused("approval_missing", /digest of this statement/, {
      job,
      change: (own) => {
        const other = approve("bob", own.card, getPlan(own), { hasStepUp: true });
        const renewed = approve("bob", own.card, getPlan(own), { hasStepUp: false });
        return { ...own, statements: [{ ...renewed, ...(other.assertion === undefined ? {} : { assertion: other.assertion }) }] };
      },
    });
    await expectRefused("approval_missing", /not one of this person's/, {
      job,
      change: (own) => {
        const unsigned = approve("bob", own.card, getPlan(own), { hasStepUp: false });
        return { ...own, statements: [{ ...unsigned, assertion: world.members.assert("carol", unsigned.statement) }] };
      },
    });
  });

  it("refuses approvals of another round, of another plan, and such that ended before the permit", async () => {
    const job = await pushChange();
    const restate = (changes: Parameters<typeof approve>[3], own: ActAuthority) => ({
      ...own,
      statements: [approve("bob", own.card, getPlan(own), changes)],
    });
    // The permit's id names the round that the approvals name.
    await expectRefused("permit_mismatch", /jti/, { job, change: (own) => restate({ hasStepUp: true, round: 2 }, own) });
    // The plan has the same digest in both rounds, as after a ref that was moved away and back.
    await expectRefused("approval_missing", /for round 2 of the card, which is in round 1/, {
      job,
      change: (own) => ({
        ...own,
        statements: [
          approve("carol", own.card, getPlan(own), { hasStepUp: false }),
          approve("bob", own.card, getPlan(own), { hasStepUp: true, round: 2 }),
        ],
      }),
    });
    const plan_digest = "d".repeat(64);
    await expectRefused("approval_missing", /for the plan d/, { job, change: (own) => restate({ hasStepUp: true, plan_digest }, own) });
    const not_after = world.clock.now() - 60_000;
    await expectRefused("approval_missing", /expired at/, { job, change: (own) => restate({ hasStepUp: true, not_after }, own) });
    // LAB 256 lets the approver sign a statement that outlives every withdrawal.
    const in2099 = Date.UTC(2099, 0, 1);
    await expectRefused("approval_missing", /longer than/, { job, change: (own) => restate({ hasStepUp: true, not_after: in2099 }, own) });
  });

  it("refuses the approvals of a card whose content was changed after them", async () => {
    const job = await pushChange();
    for (const changes of [{ intent: "Something else" }, { risk: "L5" as const }, { context: { ticket: "other" } }])
      await expectRefused(changes.risk === undefined ? "approval_missing" : "decision_differs", /content|L5/, {
        job,
        change: (own) => ({ ...own, card: signCard(own.card, changes) }),
      });
  });

  it("refuses a card that the api did not sign, that is another act's, or whose author is another actor", async () => {
    const job = await pushChange();
    await expectRefused("envelope_invalid", /not signed/, { job, change: (own) => ({ ...own, card: { ...own.card, intent: "Forged" } }) });
    const author = { actor_id: toActorId("carol"), person_id: toPersonId("carol") };
    await expectRefused("permit_mismatch", /actor_id/, { job, change: (own) => ({ ...own, card: signCard(own.card, { author }) }) });
    const stranger = { actor_id: AUTHOR, person_id: toPersonId("carol") };
    await expectRefused("decision_differs", /belongs to another person/, {
      job,
      change: (own) => ({ ...own, card: signCard(own.card, { author: stranger }) }),
    });
    await expectRefused("permit_mismatch", /approval_ref/, {
      job,
      change: (own) => ({ ...own, card: signCard(own.card, { card_id: "k-other" }) }),
    });
    await expectRefused("permit_mismatch", /office_id/, {
      job,
      change: (own) => ({ ...own, card: signCard(own.card, { office_id: "office:infra.deployer" }) }),
    });
  });

  it("refuses a permit that does not keep to the policy's times", async () => {
    const job = await pushChange();
    const now = world.clock.now();
    const in2030 = Date.UTC(2030, 0, 1);
    await expectRefused("decision_differs", /ahead of this Runner's clock/, { job, permit: { iat: in2030, exp: in2030 + 60_000 } });
    await expectRefused("decision_differs", /valid for/, { job, permit: { iat: now, exp: now + 3_600_000 } });
    await expectRefused("decision_differs", /of work/, { job, permit: { max_run_ms: 24 * 3_600_000 } });
    await expectRefused("decision_differs", /the act is L4/, { job, scopes: { level: "L3" } });
    await expectRefused("permit_mismatch", /jti/, { job, permit: { jti: randomUUID() } });
  });

  it("refuses the approval of who pushed the commits, whatever LAB 256 says of it", async () => {
    await expectRefused("approval_missing", /pushed/, { job: await pushChange(toActorId("bob")) });
  });

  // The commits are on another branch already, and the card creates a protected branch by force.
  it("refuses the approval of who pushed the commits of a branch that a forced push creates", async () => {
    const { params } = await pushChange(toActorId("bob"));
    const tip = "expected_source" in params ? params.expected_source : "";
    const clone = new Clone();
    clone.commit(`${branches}.txt`, "one\n");
    clone.git("commit", "-q", "--amend", "--no-edit", "--author=Author <dora@example.org>");
    expect(clone.readHead()).toBe(tip);
    const job = await stagePushJob(world, clone.bundle("HEAD"), { branch: "release/9", force: true });
    const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L5") });
    const refusal = await expectRefusal(world, deps, envelope, "approval_missing");
    expect(refusal.error).toMatch(/pushed/);
  });

  it("refuses the approval of an author of the commits, also after the author's address was removed", async () => {
    const job = await pushChange(AUTHOR, "Bob@Example.org");
    await expectRefused("approval_missing", /author of the card's commits/, { job });
    const bob = getPerson("bob");
    await changeMembers({ persons: { [toPersonId("bob")]: { ...bob, emails: [] } } });
    await expectRefused("approval_missing", /author of the card's commits/, { job });
    await changeMembers({ persons: { [toPersonId("bob")]: bob } });
  });

  it("refuses the approval of the person who is responsible for the app that proposes", async () => {
    const job = await pushChange(toActorId("carol"));
    await expectRefused("approval_missing", /author of a card/, {
      job,
      change: (own) => ({ ...own, statements: [approve("ana", own.card, getPlan(own), { hasStepUp: true })] }),
    });
  });

  it.each([
    ["disabled", "persons", () => ({ persons: { [toPersonId("bob")]: { ...getPerson("bob"), disabled: true } } })],
    ["without that passkey", "persons", () => ({ persons: { [toPersonId("bob")]: { ...getPerson("bob"), passkeys: [] } } })],
    ["without that office", "actors", () => ({ actors: { [toActorId("bob")]: { ...getActor("bob"), offices: [] } } })],
    [
      "in that office until a time that has passed",
      "actors",
      () => ({ actors: { [toActorId("bob")]: { ...getActor("bob"), offices: heldUntil(1) } } }),
    ],
  ] satisfies [string, keyof Members, () => Partial<Members>][])(
    "refuses the approval of a person who is %s since",
    async (_, what, demote) => {
      const job = await pushChange();
      const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L4") });
      const { persons, actors } = world.members.params;
      await changeMembers(demote());
      await expectRefusal(world, deps, envelope, "approval_missing");
      const [bob, account] = [persons[toPersonId("bob")], actors[toActorId("bob")]];
      if (bob === undefined || account === undefined) throw new Error("bob is no member");
      await changeMembers(what === "persons" ? { persons: { [toPersonId("bob")]: bob } } : { actors: { [toActorId("bob")]: account } });
    },
  );

  it("refuses an L5 act with the approvals of one person, however many there are", async () => {
    const clone = new Clone();
    const tip = clone.commit("five.txt", "one\n");
    const push = await stagePushJob(world, clone.bundle("HEAD"), { branch: "feature/five" });
    await waitForReceipt(runEnvelope(deps, buildRunnerCommand(world, { job: push })));
    const params = { source: "feature/five", target: "release/1", expected_source: tip, expected_target: ZERO_ID } as const;
    const job: Job = { jobType: "git.registry.merge_protected", params: { project_id: "P.demo", ...params, strategy: "fast-forward" } };
    const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job, "L5") });
    const genuine = findAuthority(envelope);
    if (genuine === null) throw new Error("the card has no authority");
    const again = approve("bob", genuine.card, getPlan(genuine), { hasStepUp: true });
    for (const statements of [genuine.statements.slice(0, 1), [...genuine.statements.slice(0, 1), again]])
      expect(await waitForRefusal(runEnvelope(deps, envelope, {}, { ...genuine, statements }))).toMatchObject({ code: "approval_missing" });
    expect(await readTip(world, "release/1")).toBeUndefined();
    // A copy with a broken proof must not take the place of the genuine approval in the evidence.
    const [first] = genuine.statements;
    const broken = { ...first, attestor: { kid: "none", sig: "none" } };
    const sent = { ...genuine, statements: [...genuine.statements, broken] };
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, {}, sent));
    expect(receipt, receipt.error).toMatchObject({ status: "success", refs: [{ name: "refs/heads/release/1", new: tip }] });
    const record = Buffer.from((await world.store.blobs.get(receipt.logs_key)) ?? []).toString("utf8");
    expect(record).not.toContain('"sig":"none"');
  });

  it("is made again by an attempt that takes over, so that an approver who was disabled meanwhile does not count", async () => {
    const job = buildInitJob("P.meanwhile");
    const envelope = buildRunnerCommand(world, { job, scopes: await approveJob(world, deps, job) });
    const dying = await world.openRunner({
      onStep: (_, step) => {
        if (step === "claimed") throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const bob = getPerson("bob");
    await changeMembers({ persons: { [toPersonId("bob")]: { ...bob, disabled: true } } });
    const receipt = await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }));
    expect(receipt).toMatchObject({ status: "denied", code: "approval_missing", refs: [] });
    await changeMembers({ persons: { [toPersonId("bob")]: bob } });
  });

  type Members = Pick<ChangeParams<"registry.members.change">, "persons" | "actors">;
  const changeMembers = async (change: Partial<Members>) => {
    const key = world.keys.founding.get(TENANT);
    if (key === undefined) throw new Error("the tenant has no founding key");
    await appendCharterEntry(world.store, TENANT, key, {
      jobType: "registry.members.change",
      params: { persons: {}, actors: {}, ...change },
    });
  };
  const getPerson = (name: string) => {
    const person = world.members.params.persons[toPersonId(name)];
    if (person === undefined) throw new Error(`${name} is no person`);
    return person;
  };
  const getActor = (name: string) => {
    const actor = world.members.params.actors[toActorId(name)];
    if (actor === undefined) throw new Error(`${name} is no actor`);
    return actor;
  };
  const heldUntil = (until: number) => [{ office_id: "office::default", roles: [], until }];
});
