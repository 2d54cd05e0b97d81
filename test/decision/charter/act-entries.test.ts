import { beforeEach, describe, expect, it } from "vitest";
import { buildNextEntry, signNextEntry } from "../../../src/decision/charter/next-entry.js";
import { computeAuthorityActId } from "../../../src/decision/judge-authority.js";
import type { CharterEntry } from "../../../src/domain/charter/entry.js";
import { signEntry } from "../../../src/domain/charter/entry.js";
import type { Person } from "../../../src/domain/charter/records.js";
import { createTestKey } from "../../domain/samples.js";
import { NOW_MS, toActorId, toPersonId } from "../judging.js";
import { ActWorld, changeMembers, type Name, OFFICE } from "./acts.js";
import { permitKey, receiptKey } from "./charters.js";

let world: ActWorld;
beforeEach(async () => {
  world = await ActWorld.open();
});

const disable = (name: Name) => changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name, { disabled: true }) } });
const enable = (name: Name) => changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name) } });
const publish = async (change: Parameters<ActWorld["addPolicy"]>[0]) => ({
  jobType: "registry.policy.publish" as const,
  params: { policy_hash: await world.addPolicy(change) },
});
const allowAuthors = () => publish((data) => ({ ...data, author_may_approve: true }));
const seal = { jobType: "registry.charter.seal" as const, params: {} };

async function expectRefused(entry: CharterEntry, why: RegExp): Promise<void> {
  expect(await world.check(entry)).toMatchObject({ ok: false, denial: { code: "charter_invalid", message: expect.stringMatching(why) } });
}

describe("an entry by an act", () => {
  it("is valid if the persons of the entry before approved it by the policy of the entry before", async () => {
    const change = await allowAuthors();
    await world.act(change);
    await world.act(disable("dan"), { approvers: ["bob"] });
    const walk = await world.walk();
    expect(walk.version).toBe(3);
    expect(walk.newest.policy_hash).toBe(change.params.policy_hash);
    expect(walk.state.find("person", "person:dan")?.disabled).toBe(true);
  });

  it.each<[string, RegExp, Parameters<ActWorld["buildEntry"]>[1]]>([
    ["one approval fewer than the quorum", /lacks/, { approvers: ["bob"] }],
    ["the same person twice", /lacks/, { approvers: ["bob", "bob"] }],
    ["the author as an approver", /lacks.*author of a card/, { approvers: ["ana", "bob"] }],
    ["approvals without step-up", /lacks.*step-up/, { stepsUp: false }],
    ["a passkey of another person", /not one of this person's/, { passkeyOf: () => world.passkeys.get("dan")?.[0] }],
    ["a card that the api did not sign", /not signed by this registry's api/, { cardKey: createTestKey() }],
    ["statements of a withdrawal", /lacks/, { statement: { decision: "withdraw" } }],
    ["statements about another plan", /lacks.*plan/, { statement: { plan_digest: "0".repeat(64) } }],
    ["statements that had expired when they were used", /expired/, { used_at_ms: NOW_MS + 60_001 }],
    ["a card of another tenant", /another change/, { tenant_id: "T.OTHER" }],
    ["a card that was opened later", /opened after/, { used_at_ms: NOW_MS - 1 }],
    ["another state than its change leads to", /does not lead to the state/, { state_hash: "0".repeat(64) }],
    ["a person without the office as its author", /does not hold|office/, { author: "eve", approvers: ["bob", "carol"] }],
  ])("is refused with %s", async (_, why, changes) => {
    await expectRefused(await world.buildEntry(await allowAuthors(), changes), why);
  });

  // The policy was approved, and the members are changed with it.
  it("is refused if the card is about another change", async () => {
    const entry = await world.buildEntry(await allowAuthors(), { cardChange: disable("dan") });
    await expectRefused(entry, /about another change/);
  });

  it("is refused for approvers whom the entry before disabled, and for a passkey that it removed", async () => {
    await world.act(disable("carol"), { approvers: ["bob"] });
    await expectRefused(await world.buildEntry(await allowAuthors()), /not an active actor/);
    await world.act(enable("carol"), { approvers: ["bob", "dan"] });
    const [, second] = world.passkeys.get("bob") ?? [];
    if (second === undefined) throw new Error("bob has two");
    await world.act(changeMembers({ persons: { "person:bob": world.buildPerson("bob", { passkeys: [second.record] }) } }), {
      approvers: ["carol"],
    });
    await expectRefused(await world.buildEntry(await allowAuthors()), /not one of this person's/);
  });

  // Dan was disabled with Bob's approval, then enabled. A Runner uses Bob's approval once more.
  it("is refused if its act changed the charter before, although the plan is the same again", async () => {
    const changes = { approvers: ["bob"], card_id: "k-again" } as const;
    const first = await world.buildEntry(disable("dan"), changes);
    await world.append(first);
    await world.act(enable("dan"));
    const { state_hash, ...again } = await world.buildEntry(disable("dan"), changes);
    await expectRefused({ ...again, state_hash, authority: first.authority }, /was carried out or ended by version 2/);
  });

  it("is refused if a Runner recorded that its act ended, and everything else still goes on", async () => {
    const changes = { approvers: ["bob"], card_id: "k-late" } as const;
    const late = await world.buildEntry(disable("dan"), changes);
    const walk = await world.walk();
    const end = buildNextEntry(walk, { jobType: "registry.charter.end_act", params: { jti: findJti(late) } }, []);
    for (const key of [permitKey, createTestKey(), world.writer.key])
      await expectRefused(signEntry(end, key, { kind: "receipt" }), /not signed by a receipt key/);
    await expectRefused(signEntry(end, world.writer.key), /founding key does not sign/);
    // Mallory signs and names the Runner's key.
    await expectRefused(signEntry(end, { ...createTestKey(), kid: receiptKey.kid }, { kind: "receipt" }), /not signed by a receipt key/);
    await world.append(signEntry(end, receiptKey, { kind: "receipt" }));
    await expectRefused(
      signEntry({ ...end, version: 3, previous: (await world.walk()).entryHash }, receiptKey, { kind: "receipt" }),
      /ended by version 2/,
    );
    await expectRefused({ ...(await world.buildEntry(disable("dan"), changes)), authority: late.authority }, /ended by version 2/);
    await world.act(disable("dan"), { approvers: ["bob"] });
  });

  it("is refused if a Runner's key is its authority", async () => {
    const walk = await world.walk();
    const next = await walk.planNext(disable("dan"));
    if (!next.ok) throw new Error(next.denial.message);
    await expectRefused(
      signEntry(buildNextEntry(walk, disable("dan"), next.value.writes), receiptKey, { kind: "receipt" }),
      /nothing else/,
    );
  });

  // Bob holds both roles, and Carol none of them.
  it("is refused if one person would fill two places, and valid if each role has its own person", async () => {
    const giveRoles = (roles: Partial<Record<Name, readonly string[]>>) =>
      changeMembers({
        actors: Object.fromEntries(
          Object.entries(roles).map(([name, held]) => {
            const actor = world.buildActor(name as Name, ["office::default", OFFICE]);
            return [toActorId(name), { ...actor, offices: actor.offices.map((office) => ({ ...office, roles: [...held] })) }];
          }),
        ),
      });
    await world.act(giveRoles({ bob: ["owner", "security"], dan: ["security"] }));
    await world.act(
      await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, roles: { owner: 1, security: 1 } } } })),
    );
    await expectRefused(await world.buildEntry(await allowAuthors()), /lacks 1 more approval with step-up, in the role owner or security/);
    await world.act(await allowAuthors(), { approvers: ["bob", "dan"] });
  });

  it("changes webhooks at L4, and a webhook that it names must change", async () => {
    const webhook = { url: "https://events.example/", types: null, retries_ms: [], disabled: false };
    const watch = { jobType: "registry.webhooks.change" as const, params: { webhooks: { "wh-a": webhook } } };
    expect(await world.findLevel(watch)).toBe("L4");
    await world.act(watch, { approvers: ["bob"] });
    expect((await world.walk()).state.find("webhook", "wh-a")).toEqual(webhook);
    expect(await world.findLevel(watch)).toBe("nothing_to_do");
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`wh-${n}`, webhook]));
    expect(await world.findLevel({ ...watch, params: { webhooks: many } })).toBe("limit_exceeded");
  });

  // The policy that the quorum published gives every change of the charter the lowest level.
  it("keeps its level whatever the policy says", async () => {
    const lax = await publish((data) => ({
      ...data,
      jobs: {
        ...data.jobs,
        "registry.policy.publish": { level: "L3", target: "LAB_512" },
        "registry.members.change": { level: "L0", target: "LAB_512" },
      },
    }));
    await world.act(lax);
    const policy = world.policies.get(lax.params.policy_hash);
    if (policy === undefined) throw new Error("no policy");
    // The rules of the tenant's own policy do not read the level of a change.
    const decide: typeof policy.decide = ({ facts: { charter_level: _, ...facts }, ...input }) => policy.decide({ ...input, facts });
    for (const rules of [policy, { ...policy, decide }]) {
      world.policies.set(policy.hash, rules);
      await expectRefused(await world.buildEntry(await allowAuthors(), { approvers: ["bob"], stepsUp: false }), /step-up|at least L5/);
      await expectRefused(await world.buildEntry(disable("dan"), { approvers: [] }), /lacks|at least L4/);
    }
  });
});

/** Returns the id of the entry's act. */
function findJti({ authority }: CharterEntry): string {
  if (authority.kind !== "act") throw new Error("The entry is not by an act.");
  return computeAuthorityActId(authority, authority.statements[0]?.statement.plan_digest ?? "");
}

describe("the level of a change", () => {
  const withOffice = (name: Name, ...offices: string[]) =>
    changeMembers({ actors: { [toActorId(name)]: world.buildActor(name, offices) } });

  it("that gives power is that at which anybody changed can decide after it, at least L3", async () => {
    expect(await world.findLevel(changeMembers({ persons: { "person:eve": world.buildPerson("eve", { name: "Eva" }) } }))).toBe("L3");
    // Without a passkey Eve decides up to L3.
    expect(await world.findLevel(withOffice("eve", "office::agents", "office::default"))).toBe("L3");
    expect(await world.findLevel(withOffice("dan", "office::default", OFFICE, "office:security"))).toBe("L5");
  });

  it("that adds a passkey is at least the level to which the passkey counts", async () => {
    const [passkey] = world.passkeys.get("dan") ?? [];
    if (passkey === undefined) throw new Error("dan has two");
    for (const counts_to of ["L4", "L5"] as const) {
      const added = { ...passkey.record, credential_id: "bmV3", counts_to };
      expect(await world.findLevel(changeMembers({ persons: { "person:eve": world.buildPerson("eve", { passkeys: [added] }) } }))).toBe(
        counts_to,
      );
    }
  });

  // Ana removes her address, so that she could approve what she wrote under it.
  it("that removes an address of a person who decides at L5 is L5", async () => {
    expect(await world.findLevel(changeMembers({ persons: { "person:bob": world.buildPerson("bob", { emails: [] }) } }))).toBe("L5");
  });

  // Bob lets somebody else answer for his agent, so that he could approve what it pushes.
  it("that makes another person answer for an agent is L5, because the first one may then approve what it does", async () => {
    const agent = { person_id: "person:eve", name: "person:bob", offices: [{ office_id: "office::agents", roles: [] }], disabled: false };
    const next = await (await world.walk()).planNext(changeMembers({ actors: { "ubl:sid:agent:x": agent } }));
    expect(next).toMatchObject({ value: { planned: { level: "L5", gives_power_to: ["person:bob", "person:eve"] } } });
  });

  it("that takes power is L4, and L5 from a second person who decides at L5 until the next entry of level L5", async () => {
    expect(await world.findLevel(disable("dan"))).toBe("L4");
    expect(await world.findLevel(withOffice("dan"))).toBe("L4");
    const two = (["dan", "carol"] as const).map((name) => [toPersonId(name), world.buildPerson(name, { disabled: true })] as const);
    expect(await world.findLevel(changeMembers({ persons: Object.fromEntries(two) }))).toBe("L5");
    await world.act(disable("dan"), { approvers: ["bob"] });
    expect(await world.findLevel(disable("carol"))).toBe("L5");
    expect(await world.findLevel(disable("eve"))).toBe("L4");
    await world.act(await allowAuthors());
    expect(await world.findLevel(disable("carol"))).toBe("L4");
  });
});

// Mallory and a friend end the office of a third member at once, instead of removing it.
it("an earlier end of an office takes power, and a later one gives it", async () => {
  const until = (time?: number) => {
    const { offices, ...actor } = world.buildActor("dan", ["office::default", OFFICE]);
    const ending = offices.map((held) => (held.office_id === OFFICE && time !== undefined ? { ...held, until: time } : held));
    return changeMembers({ actors: { [toActorId("dan")]: { ...actor, offices: ending } } });
  };
  const plan = async (change: ReturnType<typeof until>) => (await world.walk()).planNext(change);
  expect(await plan(until(1))).toMatchObject({ value: { planned: { level: "L4", takes_power_from: ["person:dan"], gives_power_to: [] } } });
  await world.act(until(NOW_MS), { approvers: ["bob"] });
  expect(await plan(until())).toMatchObject({ value: { planned: { level: "L5", takes_power_from: [], gives_power_to: ["person:dan"] } } });
});

it("one approver cannot fill the charter", async () => {
  const crowd = (from: number, count: number) =>
    changeMembers({
      persons: Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`person:x${from + n}`, world.buildPerson("eve", { emails: [], name: `X ${from + n}` })]),
      ),
    });
  expect(await world.findLevel(crowd(0, 10))).toBe("L3");
  expect(await world.findLevel(crowd(0, 2_500))).toBe("L4");
});

it("a plan does not depend on the order in which a change names its records", async () => {
  const persons = ["person:z", "person:a"].map((id) => [id, world.buildPerson("eve", { emails: [], name: id })] as const);
  const plans = await Promise.all(
    [persons, [...persons].reverse()].map(async (order) =>
      (await world.walk()).planNext(changeMembers({ persons: Object.fromEntries(order) })),
    ),
  );
  expect(plans[0]).toMatchObject({ ok: true });
  expect(plans.map((plan) => (plan.ok ? plan.value.planned : undefined))[1]).toEqual(plans[0]?.ok ? plans[0].value.planned : null);
});

// Bob is to be removed, and votes on it.
it("a person from whom a change takes power does not approve it", async () => {
  await expectRefused(await world.buildEntry(disable("bob"), { approvers: ["bob"] }), /takes power from this person/);
  await world.act(disable("bob"), { approvers: ["carol"] });
});

it("an office that the policy does not know is given to nobody, and a policy does not forget one that is held", async () => {
  const unknown = changeMembers({ actors: { [toActorId("eve")]: world.buildActor("eve", ["office:unknown"]) } });
  expect(await world.findLevel(unknown)).toBe("charter_invalid");
  const forgetful = await publish((data) => {
    const { "office::agents": _, ...offices } = data.offices;
    return { ...data, offices };
  });
  expect(await world.findLevel(forgetful)).toBe("charter_invalid");
});

it("a charter that its persons could not change is not sealed by the founding key either", async () => {
  const offices = Object.fromEntries((["ana", "bob", "carol", "dan"] as const).map((name) => [name, ["office::default"]]));
  world = await ActWorld.open({ offices });
  const signed = await signNextEntry(await world.walk(), seal, world.writer.key);
  if (!signed.ok) throw new Error(signed.denial.message);
  await expectRefused(signed.value, /nobody could change the charter/);
});

describe("a charter is sealed only with a person to spare", () => {
  const expectUnsealed = async (why: RegExp) => {
    const signed = await signNextEntry(await world.walk(), seal, world.writer.key);
    if (!signed.ok) throw new Error(signed.denial.message);
    await expectRefused(signed.value, why);
    expect(await world.findLevel(seal)).toBe("charter_unreachable");
  };
  const DECIDING = ["office::default", OFFICE];

  it("among those whose office approves", async () => {
    world = await ActWorld.open({ offices: { dan: ["office::agents"] } });
    await expectUnsealed(/without person:\w+, too few persons/);
  });

  it("among as many as the policy asks for", async () => {
    await world.act(await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, approvals: 3 } } })));
    await expectUnsealed(/without person:\w+, too few persons/);
  });

  it("in each role that the policy asks for", async () => {
    const giveRole = (name: Name) => {
      const offices = DECIDING.map((office_id) => ({ office_id, roles: ["owner"] }));
      return [toActorId(name), { ...world.buildActor(name, []), offices }] as const;
    };
    await world.act(changeMembers({ actors: Object.fromEntries([giveRole("bob")]) }), { approvers: ["carol", "dan"] });
    await world.act(await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, roles: { owner: 1 } } } })));
    await expectUnsealed(/without person:bob, too few persons/);
    await world.act(changeMembers({ actors: Object.fromEntries([giveRole("carol")]) }), { approvers: ["bob", "dan"] });
    expect(await world.findLevel(seal)).toBe("L5");
  });
});

describe("a sealed charter", () => {
  beforeEach(() => world.act(seal));

  it("is changed by acts, and not by the founding key", async () => {
    const [walk, change] = [await world.walk(), disable("eve")];
    const next = await walk.planNext(change);
    if (!next.ok) throw new Error(next.denial.message);
    expect(await signNextEntry(walk, change, world.writer.key)).toMatchObject({
      ok: false,
      denial: { message: expect.stringMatching(/is sealed/) },
    });
    await expectRefused(signEntry(buildNextEntry(walk, change, next.value.writes), world.writer.key), /after the seal/);
    await world.act(change, { approvers: ["bob"] });
  });

  it("does not count on offices that end", async () => {
    const names = ["ana", "bob", "carol", "dan"] as const;
    const ending = names.map((name) => {
      const actor = world.buildActor(name, ["office::default", OFFICE]);
      return [toActorId(name), { ...actor, offices: actor.offices.map((held) => ({ ...held, until: NOW_MS * 2 })) }] as const;
    });
    expect(await world.findLevel(changeMembers({ actors: Object.fromEntries(ending) }))).toBe("charter_unreachable");
    expect(await world.findLevel(changeMembers({ actors: Object.fromEntries(ending.slice(3)) }))).toBe("L4");
  });

  it("can always be changed by its persons", async () => {
    await world.act(disable("dan"), { approvers: ["bob"] });
    // Ana, Bob and Carol are left: with one more removal nobody could approve what one of them proposes.
    expect(await world.findLevel(disable("carol"))).toBe("charter_unreachable");
    const strict = await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, approvals: 4 } } }));
    expect(await world.findLevel(strict)).toBe("charter_unreachable");
    const nobody = await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, roles: { security: 1 } } } }));
    expect(await world.findLevel(nobody)).toBe("charter_unreachable");
    const hasty = await publish((data) => ({ ...data, levels: { ...data.levels, L5: { ...data.levels.L5, permit_ttl_ms: 1 } } }));
    expect(await world.findLevel(hasty)).toBe("charter_unreachable");
    const noJob = await publish(({ jobs: { "registry.keys.rotate": _, ...jobs }, ...data }) => ({
      ...data,
      jobs,
      offices: Object.fromEntries(
        Object.entries(data.offices).map(([id, office]) => [
          id,
          { ...office, allowed_actions: office.allowed_actions.filter((action) => action !== "registry.keys.rotate") },
        ]),
      ),
    }));
    expect(await world.findLevel(noJob)).toBe("charter_unreachable");
  });
});

describe("a person who takes away a passkey of their own", () => {
  const keep = (name: Name, at: number) => {
    const kept = world.passkeys.get(name)?.[at];
    if (kept === undefined) throw new Error(`${name} has no passkey ${at}`);
    return changeMembers({ persons: { [toPersonId(name)]: world.buildPerson(name, { passkeys: [kept.record] }) } });
  };
  const alone = { author: "bob", approvers: ["bob"] } as const;

  it("decides it alone, with a passkey that stays", async () => {
    await world.act(keep("bob", 0), alone);
    expect((await world.walk()).state.find("person", "person:bob")?.passkeys).toHaveLength(1);
  });

  // Who found one of the passkeys would otherwise make it the only one.
  it("does not decide it with the one that is taken away", async () => {
    await expectRefused(await world.buildEntry(keep("bob", 1), alone), /takes this passkey away/);
    const none = changeMembers({ persons: { [toPersonId("bob")]: world.buildPerson("bob", { passkeys: [] }) } });
    await expectRefused(await world.buildEntry(none, alone), /takes this passkey away/);
  });

  it("decides alone neither about another person's passkeys nor about anything else with it", async () => {
    await expectRefused(await world.buildEntry(keep("carol", 0), alone), /lacks.*author of a card/);
    await expectRefused(await world.buildEntry(keep("bob", 0), { author: "ana", approvers: ["bob"] }), /takes power from this person/);
    const person = { ...world.buildPerson("bob"), name: "Bobby" };
    const renamed = changeMembers({ persons: { [toPersonId("bob")]: { ...person, passkeys: person.passkeys.slice(0, 1) } } });
    await expectRefused(await world.buildEntry(renamed, alone), /lacks/);
    const { persons } = keep("bob", 0).params as { persons: Readonly<Record<string, Person>> };
    const both = changeMembers({ persons: { ...persons, [toPersonId("eve")]: world.buildPerson("eve", { disabled: true }) } });
    await expectRefused(await world.buildEntry(both, alone), /lacks/);
  });
});
