import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { CardAnswer } from "../../src/client/answers.js";
import { walkTenantCharter } from "../../src/client/charter.js";
import { submitDecision } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import type { CharterWalk } from "../../src/decision/charter/walk.js";
import { replacePolicyData } from "../../src/decision/policy/bytes.js";
import { loadPolicy } from "../../src/decision/policy/policy.js";
import type { StatementDecision } from "../../src/domain/card/statement.js";
import type { CharterJobType } from "../../src/domain/charter/change.js";
import { computePasskeyFingerprint } from "../../src/domain/charter/passkeys.js";
import type { CharterActor, Person } from "../../src/domain/charter/records.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { createTokenText } from "../../src/lab256/identity/token-text.js";
import { storeToken } from "../../src/lab256/identity/tokens.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { readDefaultPolicy } from "../../src/stack/founding/policy.js";
import { runOgrHere } from "../cli/ogr-here.js";
import { toPersonEnvironment } from "../cli/run-ogr.js";
import { changeMembers, readFoundingKey } from "../harness/charter.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import {
  ACT_MS,
  approveAsEach,
  buildRegistrationParams,
  openScenarioCard,
  registerByCard,
  requireRefusal,
  stateCardDecision,
} from "./acts.js";

let registry: ServedRegistry;
beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "charter-acts" });
  for (const name of ["admin", "bob", "carol"]) await registerCountedPasskey(registry, name);
});
afterAll(() => registry?.stop());

/** Walks the charter from the founding key, as a client that believes nothing. */
async function walk(): Promise<CharterWalk> {
  const { walk: walked, outcome } = await walkTenantCharter(registry.as("admin"), {
    founding_jwk: readFoundingKey(registry, DEMO_TENANT).jwk,
    operator: null,
  });
  expect(outcome).toMatchObject({ ok: true });
  return walked;
}

const propose = (jobType: CharterJobType, params: object, who = "admin") =>
  openScenarioCard(registry.as(who), { jobType, params: { project_id: "_", ...params }, office_id: "office:registry" });
const proposeMembers = (persons: Readonly<Record<string, Person>>, actors: Readonly<Record<string, CharterActor>> = {}) =>
  propose("registry.members.change", { persons, actors });

async function readPerson(id: string): Promise<Person> {
  const person = (await walk()).state.find("person", id);
  if (person === undefined) throw new Error(`The charter has no ${id}.`);
  return person;
}

const dora: Person = { name: "Dora", emails: ["dora@ubl.example"], passkeys: [], disabled: false };
const DORA = "ubl:sid:person:dora";
const doraAccount: CharterActor = {
  person_id: "person:dora",
  name: "Dora",
  offices: [{ office_id: "office::agents", roles: [] }],
  disabled: false,
};

describe("an act that founds a tenant", () => {
  const buildActor = (name: string): CharterActor => ({
    person_id: `person:${name}`,
    name,
    offices: [{ office_id: "office::default", roles: ["maintainer"] }],
    disabled: false,
  });
  const names = ["zoe"];
  const members = {
    persons: Object.fromEntries(names.map((name) => [`person:${name}`, { name, emails: [], passkeys: [], disabled: false }])),
    actors: Object.fromEntries(names.map((name) => [`ubl:sid:person:${name}`, buildActor(name)])),
  };

  it("adds a tenant to the running processes, whose members then act, and no other tenant's", async () => {
    const file = join(registry.dataDir, "acme.json");
    await writeFile(file, JSON.stringify(members));
    const operator = join(registry.dataDir, "operator.jwk.json");
    await writeFile(operator, JSON.stringify(readFoundingKey(registry, DEMO_TENANT).jwk));
    const words = [
      "tenant",
      "found",
      "T.ACME",
      "--members",
      file,
      "--founding-key-file",
      join(registry.dataDir, "T.ACME.pem"),
      "--founding-key",
      operator,
    ];
    const dry = await runOgrHere([...words, "--dry-run"], toPersonEnvironment(registry, "admin"));
    expect(dry.code).toBe(0);
    // Whoever approves it sees the first members and relying parties. The operator's keys count for the tenant.
    for (const text of ["record    tenant/T.ACME", "founding key", "ubl:sid:person:zoe", "relying party localhost"])
      expect(dry.stdout).toContain(text);
    const opened = await runOgrHere([...words, "--json"], toPersonEnvironment(registry, "admin"));
    expect([opened.code, opened.stderr]).toEqual([0, ""]);
    const { card_id } = opened.json(z.looseObject({ card_id: z.string() }));
    const card = requireValue(await registry.as("admin").readCard(card_id));
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L5" });
    expect(await approveAsEach(registry, card, ["bob", "carol"])).toMatchObject({ status: "success" });
    const zoe = await signIn("T.ACME", "ubl:sid:person:zoe");
    expect(await zoe.listProjects().read()).toEqual([]);
    // The only person who can approve approves their own act, and the receipt says so.
    const own = await openScenarioCard(zoe, { jobType: "git.registry.init", params: buildRegistrationParams("P.acme") });
    const approval = { card_id: own.card_id, decision: "approve", office_id: "office::default" } as const;
    requireValue(await submitDecision(zoe, registry.openPasskeys("nobody"), approval));
    const done = await waitForCardEnd(zoe, own.card_id, ACT_MS);
    expect(done.status).toBe("success");
    expect(requireValue(await zoe.readReceipt(String(done["jti"])))).toMatchObject({ solo: true });
    expect(await zoe.listProjects().read()).toEqual([expect.objectContaining({ id: "P.acme" })]);
    expect(JSON.stringify(await registry.as("admin").listProjects().read())).not.toContain("P.acme");
  }, 120_000);
});

describe("an act that changes the charter", () => {
  it("adds a member without power at L3 by one approval, and everyone who walks the charter verifies its entry", async () => {
    const before = (await walk()).version;
    const card = await proposeMembers({ "person:dora": dora }, { [DORA]: doraAccount });
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L3" });
    const done: CardAnswer = await approveAsEach(registry, card, ["bob"]);
    expect(done).toMatchObject({ status: "success", denial: null });
    const after = await walk();
    expect(after.version).toBe(before + 1);
    expect(after.state.find("actor", DORA)).toEqual(doraAccount);
    const actors = await registry.as("admin").listActors().read();
    expect(actors.find((actor) => actor["actor_id"] === DORA)).toMatchObject({ person_id: "person:dora" });
  });

  it("is a new round if somebody changed the same record meanwhile, and not if another record changed", async () => {
    const card = await proposeMembers({ "person:dora": { ...dora, name: "Dora D." } });
    await changeMembers(registry, DEMO_TENANT, (state) => {
      const carol = state.find("person", "person:carol");
      if (carol === undefined) throw new Error("no Carol");
      return { persons: { "person:carol": { ...carol, name: "Carol C." } } };
    });
    expect(await approveAsEach(registry, card, ["bob"])).toMatchObject({ status: "success", round: 1 });
    const late = await proposeMembers({ "person:dora": { ...dora, name: "Dora E." } });
    const { statement } = requireValue(await registry.as("bob").prepareStatement(late.card_id, "approve", "office::default"));
    await changeMembers(registry, DEMO_TENANT, () => ({ persons: { "person:dora": { ...dora, name: "Dora F." } } }));
    expect(requireRefusal(await registry.as("bob").submitStatement(statement))).toMatchObject({ code: "plan_changed" });
    expect(await approveAsEach(registry, late, ["bob"])).toMatchObject({ status: "success", round: 2 });
  });

  it("that takes power is L4, and the person who loses it neither approves nor rejects it", async () => {
    const bob = await readPerson("person:bob");
    const card = await proposeMembers({ "person:bob": { ...bob, disabled: true } });
    expect(card.level).toBe("L4");
    for (const decision of ["approve", "reject"] as const)
      expect(requireRefusal(await stateCardDecision(registry, "bob", card, decision))).toMatchObject({ code: "statement_not_counted" });
    expect(requireValue(await stateCardDecision(registry, "carol", card, "reject"))).toBeDefined();
    expect((await readPerson("person:bob")).disabled).toBe(false);
  });

  it("is rejected once as many reject it as would have to approve it, and who rejects it no longer approves it", async () => {
    const carol = await readPerson("person:carol");
    const card = await proposeMembers({ "person:carol": { ...carol, name: "Carol D." } });
    expect(card.level).toBe("L5");
    const state = async (who: string, decision: StatementDecision) =>
      void requireValue(await stateCardDecision(registry, who, card, decision));
    for (const decision of ["approve", "reject"] as const) await state("bob", decision);
    await state("carol", "approve");
    // Bob's approval ended with his rejection, so Carol's alone does not carry the change out.
    expect(requireValue(await registry.as("admin").readCard(card.card_id)).status).toBe("awaiting_approval");
    await state("carol", "reject");
    expect((await waitForCardEnd(registry.as("admin"), card.card_id, ACT_MS)).status).toBe("rejected");
    expect((await readPerson("person:carol")).name).toBe(carol.name);
  });

  it("adds a webhook at L4, whose address the approver sees", async () => {
    const webhook = { url: "https://events.example/ogr", types: ["receipt.recorded"], retries_ms: [5000], disabled: false };
    const file = join(registry.dataDir, "webhook.json");
    await writeFile(file, JSON.stringify({ jobType: "registry.webhooks.change", params: { webhooks: { "wh-audit": webhook } } }));
    const opened = await runOgrHere(["charter", "propose", file, "--json"], toPersonEnvironment(registry, "admin"));
    const { card_id } = opened.json(z.looseObject({ card_id: z.string() }));
    const shown = await runOgrHere(["card", "show", card_id], toPersonEnvironment(registry, "bob"));
    for (const text of ["record    webhook/wh-audit, new", "sends to https://events.example/ogr", "events receipt.recorded, 1 retries"])
      expect(shown.stdout).toContain(text);
    const card = requireValue(await registry.as("admin").readCard(card_id));
    expect(card).toMatchObject({ level: "L4" });
    expect(await approveAsEach(registry, card, ["bob"])).toMatchObject({ status: "success" });
    expect((await walk()).state.find("webhook", "wh-audit")).toEqual(webhook);
  });

  it("lets a registered passkey count up to the level of the act, which is proposed by its fingerprint", async () => {
    const before = await readPerson("person:bob");
    expect((await runOgrHere(["passkey", "register"], toPersonEnvironment(registry, "bob"))).code).toBe(0);
    const waiting = requireValue(await registry.as("admin").listPasskeysOf("ubl:sid:person:bob")).find(
      ({ credential_id }) => !before.passkeys.some((passkey) => passkey.credential_id === credential_id),
    );
    if (waiting === undefined) throw new Error("no passkey waits");
    const fingerprint = computePasskeyFingerprint(waiting.record);
    const propose = (...more: string[]) =>
      runOgrHere(["charter", "propose-passkey", "bob", ...more], toPersonEnvironment(registry, "admin"));
    const other = await propose("--fingerprint", "0".repeat(64));
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("do not add it")]);
    const opened = await propose("--fingerprint", fingerprint, "--counts-to", "L4", "--json");
    const card = requireValue(await registry.as("admin").readCard(opened.json(z.looseObject({ card_id: z.string() })).card_id));
    expect(card).toMatchObject({ level: "L5", jobType: "registry.members.change" });
    expect(await approveAsEach(registry, card, ["bob", "carol"])).toMatchObject({ status: "success" });
    const { passkeys } = await readPerson("person:bob");
    expect(passkeys.at(-1)).toEqual({ ...waiting.record, counts_to: "L4" });
  });

  it("publishes a staged policy at L5, and the next act is decided by it", async () => {
    const bytes = await readDefaultPolicy();
    const { data } = await loadPolicy(bytes);
    const strict = replacePolicyData(bytes, { ...data, levels: { ...data.levels, L3: { ...data.levels.L3, approvals: 2 } } });
    const { hash } = await loadPolicy(strict);
    expect(await propose("registry.policy.publish", { policy_hash: hash })).toMatchObject({
      status: "denied",
      denial: { code: "charter_invalid" },
    });
    const file = join(registry.dataDir, "strict.wasm");
    await writeFile(file, strict);
    requireValue(await registry.as("admin").stageFile(hash, file));
    const card = await propose("registry.policy.publish", { policy_hash: hash });
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L5" });
    expect(await approveAsEach(registry, card, ["bob", "carol"])).toMatchObject({ status: "success" });
    expect((await walk()).newest.policy_hash).toBe(hash);
    await registerByCard(registry, "P.strict", { approvers: ["bob", "carol"] });
  });

  it("gets a receipt that names the entry", async () => {
    const card = await proposeMembers({ "person:dora": { ...dora, name: "Dora G." } });
    const done = await approveAsEach(registry, card, ["bob", "carol"]);
    const { version } = await walk();
    const receipt = requireValue(await registry.as("admin").readReceipt(String(done["jti"])));
    expect(receipt).toMatchObject({ status: "success", jobType: "registry.members.change", project_id: "_", refs: [] });
    expect(JSON.parse(String(receipt.artifacts[0]))).toMatchObject({ kind: "charter", version });
  });
});

/** Gives an actor a first token, which no command of the registry does yet. */
async function signIn(tenant_id: string, actor_id: string) {
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  const token = createTokenText();
  try {
    await storeToken(db, { tenant_id, actor_id, name: "first", expires_at_ms: null, runner_target: null }, token);
  } finally {
    await db.destroy();
  }
  return createRegistryClient({ server: registry.url, token }, { tenant_id, actor_id });
}
