import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { walkTenantCharter } from "../../../src/client/charter.js";
import { requireValue } from "../../../src/client/http/problem.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { computePasskeyFingerprint } from "../../../src/domain/charter/passkeys.js";
import type { Person } from "../../../src/domain/charter/records.js";
import { toStagingKey } from "../../../src/domain/storage-key.js";
import { buildAct } from "../../decision/policy/inputs.js";
import { createTestKey } from "../../domain/samples.js";
import { readFoundingKey } from "../../harness/charter.js";
import { buildPolicyWith, replaceLevel } from "../../harness/policies.js";
import type { ServedRegistry } from "../../harness/registry.js";
import { ensurePasskeys } from "../../scenarios/acts.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { toPersonEnvironment } from "../run-ogr.js";

const TENANT = "T.UBL";
const cardSchema = z.looseObject({ card_id: z.string(), status: z.string(), level: z.string().nullable(), office_id: z.string() });
const dataSchema = z.looseObject({ levels: z.looseObject({ L3: z.looseObject({ approvals: z.number() }) }) });
const publicationSchema = z.looseObject({
  version: z.number(),
  policy_hash: z.string(),
  authority: z.looseObject({ kind: z.string(), jti: z.string().optional(), approvers: z.array(z.string()).optional() }),
});

export function describePolicy(registry: () => ServedRegistry): void {
  describe("the persons who keep a tenant's policy", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ogr-policy-session-"));
      await ensurePasskeys(registry(), "bob", "carol");
    });
    afterAll(() => rm(folder, { recursive: true }));

    const run = (who: string, ...words: string[]) => ogr(words, toPersonEnvironment(registry(), who));
    async function keep(name: string, content: unknown): Promise<string> {
      await writeFile(join(folder, name), JSON.stringify(content));
      return join(folder, name);
    }
    const policyFile = () => join(folder, "policy.wasm");
    /** Runs a command as docs/policy.md has it, with its files in the folder and without its redirection, and these words added. */
    async function runDocumented(who: string, command: string, ...more: string[]) {
      const line = (await readDocumentedCommands()).find((one) => one.startsWith(`ogr ${command} `));
      if (line === undefined) throw new Error(`docs/policy.md does not show \`ogr ${command}\`.`);
      const words = line.replace(/ >.*/, "").split(" ").slice(1);
      return run(who, ...words.map((word) => (/\.(?:json|wasm)$/.test(word) ? join(folder, word) : word)), ...more);
    }
    const countCards = async () => (await registry().as("admin").listCards().read()).length;

    it("build one from the active policy, compare, explain and test it, and publish it by an act that two approve", async () => {
      const data = dataSchema.parse(JSON.parse((await runDocumented("admin", "policy show")).stdout));
      const changed = { ...data, levels: { ...data.levels, L3: { ...data.levels.L3, approvals: 2 } } };
      await keep("data.json", changed);
      const built = await runDocumented("admin", "policy build");
      expect([built.code, built.stderr]).toEqual([0, ""]);
      const hash = built.stdout.trim();

      const difference = "The rules are the same.\n/levels/L3/approvals\n  - 1\n  + 2";
      expect((await runDocumented("admin", "policy diff")).stdout).toContain(difference);
      const registration = buildAct({ job_type: "git.registry.init", has_card: true }, { fast_forward: null, project_exists: false });
      const input = await keep("input.json", registration);
      expect((await run("admin", "policy", "explain", input)).stdout).toContain("requires  1 approval,");
      expect((await runDocumented("admin", "policy explain")).stdout).toContain("requires  2 approvals,");
      await keep("cases.json", [{ name: "a registration", input: registration, expect: { allowed: true, level: "L3" } }]);
      expect((await runDocumented("admin", "policy test")).code).toBe(0);

      const cards = await countCards();
      const dry = await runDocumented("admin", "policy publish");
      expect([dry.code, dry.stderr]).toEqual([0, ""]);
      for (const text of [difference, "level     L5", "requires  2 approvals with step-up", "gives     power to nobody"])
        expect(dry.stdout).toContain(text);
      expect([await countCards(), await registry().store.blobs.stat(toStagingKey(TENANT, hash))]).toEqual([cards, undefined]);

      const card = (await run("admin", "policy", "publish", policyFile(), "--json")).json(cardSchema);
      expect(card).toMatchObject({ status: "awaiting_approval", level: "L5", office_id: "office:registry" });
      // An approver, who has no file, compares the staged policy.
      expect((await run("bob", "policy", "diff", hash)).stdout).toContain(difference);
      const first = await run("bob", "card", "approve", card.card_id, "--json");
      expect(first.json(cardSchema).status).toBe("awaiting_approval");
      const second = await run("carol", "card", "approve", card.card_id, "--json");
      expect(second.json(cardSchema).status).toBe("success");

      const lines = (await run("bob", "policy", "history")).stdout.trim().split("\n");
      expect(lines[0]).toMatch(/^1 .* the founding key /);
      expect(lines.at(-1)).toContain(`${hash}  act `);
      const published = (await run("bob", "policy", "history", "--json")).json(z.array(publicationSchema)).at(-1);
      const approvers = ["bob", "carol"].map((name) => registry().getActor(name).actor_id);
      expect(published).toMatchObject({ policy_hash: hash, authority: { kind: "act", approvers } });
      expect((await run("bob", "receipt", "show", published?.authority.jti ?? "")).stdout).toContain("registry.policy.publish");
      const again = await run("admin", "policy", "publish", policyFile(), "--dry-run");
      expect([again.code, again.stdout]).toEqual([6, expect.stringContaining("This policy is already active. (nothing_to_do)")]);
    });

    it("publish a staged one by the founding key, until the charter is sealed", async () => {
      const bytes = await buildPolicyWith((data) => replaceLevel(data, "L1", { permit_ttl_ms: 50_000 }));
      const policy_hash = hashBlake3Hex(bytes);
      await keep("change.json", { jobType: "registry.policy.publish", params: { policy_hash } });
      await writeFile(policyFile(), bytes);
      requireValue(await registry().as("admin").stageFile(policy_hash, policyFile()));
      const key = join(registry().dataDir, "keys", "founding", `${TENANT}.pem`);
      const signed = await run("admin", "charter", "sign", join(folder, "change.json"), "--founding-key-file", key);
      await writeFile(join(folder, "entry.json"), signed.stdout);
      expect((await runDocumented("admin", "charter append")).code).toBe(0);
      const last = (await run("bob", "policy", "history")).stdout.trim().split("\n").at(-1);
      expect(last).toMatch(new RegExp(`${policy_hash} {2}the founding key `));
    });

    it("publish no file that is no policy: nothing is staged and no card is opened", async () => {
      const cards = await countCards();
      const file = await keep("no-policy.wasm", { levels: {} });
      const { code, stderr } = await run("admin", "policy", "publish", file);
      expect([code, stderr]).toEqual([2, expect.stringContaining("no-policy.wasm: The bytes do not begin like a WebAssembly module")]);
      expect(await countCards()).toBe(cards);
    });

    it("read no history of a charter that another founding key would have to sign", async () => {
      const file = await keep("other.jwk.json", createTestKey().jwk);
      const { code, stderr } = await run("bob", "policy", "history", "--founding-key", file);
      expect([code, stderr]).toEqual([1, expect.stringContaining("not signed by the tenant's founding key")]);
    });
  });

  describe("a person who proposes a change of the charter", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ogr-propose-"));
    });
    afterAll(() => rm(folder, { recursive: true }));
    const run = (...words: string[]) => ogr(words, toPersonEnvironment(registry(), "admin"));
    async function keep(name: string, content: unknown): Promise<string> {
      await writeFile(join(folder, name), JSON.stringify(content));
      return join(folder, name);
    }

    it("sees whose power it changes, with all addresses and passkeys of that person, and the card shows the same", async () => {
      const bob = await findPerson(registry(), "person:bob");
      const fingerprints = bob.passkeys.map(computePasskeyFingerprint);
      expect(fingerprints.length).toBeGreaterThan(0);
      const change = { jobType: "registry.members.change", params: { persons: { "person:bob": { ...bob, disabled: true } }, actors: {} } };
      const file = await keep("change.json", change);
      const kept = await keep("founding.jwk.json", readFoundingKey(registry(), TENANT).jwk);
      const dry = await run("charter", "propose", file, "--founding-key", kept, "--dry-run");
      expect([dry.code, dry.stderr]).toEqual([0, ""]);
      const opened = (await run("charter", "propose", file, "--json")).json(cardSchema);
      expect(opened).toMatchObject({ status: "awaiting_approval", level: "L4", office_id: "office:registry" });
      const card = await run("card", "show", opened.card_id);
      for (const { stdout } of [dry, card])
        for (const text of ["L4", "takes     power from person:bob", "record    person/person:bob", ...bob.emails, ...fingerprints])
          expect(stdout).toContain(text);
      expect((await run("card", "withdraw", opened.card_id)).code).toBe(0);
    });

    it("believes no charter that another founding key would have to sign", async () => {
      const file = await keep("seal.json", { jobType: "registry.charter.seal", params: {} });
      const other = await keep("other.jwk.json", createTestKey().jwk);
      const { code, stderr } = await run("charter", "propose", file, "--founding-key", other, "--dry-run");
      expect([code, stderr]).toEqual([1, expect.stringContaining("not signed by the tenant's founding key")]);
    });

    it("learns why a change is refused, and that a Runner's record is no act", async () => {
      const seal = await run("charter", "propose", await keep("seal.json", { jobType: "registry.charter.seal", params: {} }), "--dry-run");
      expect([seal.code, seal.stdout]).toEqual([3, expect.stringContaining("(charter_unreachable)")]);
      const end = { jobType: "registry.charter.end_act", params: { jti: "0b9f1a52-7c1e-4c4d-9d0a-3f6a5c2e8b11" } };
      const refused = await run("charter", "propose", await keep("end.json", end));
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("registry.charter.end_act is not an act")]);
    });
  });
}

async function readDocumentedCommands(): Promise<string[]> {
  const page = await readFile(new URL("../../../docs/policy.md", import.meta.url), "utf8");
  return [...page.matchAll(/^ {4}(ogr .*?)(?: +#.*)?$/gm)].map(([, line = ""]) => line);
}

async function findPerson(registry: ServedRegistry, id: string): Promise<Person> {
  const { walk } = await walkTenantCharter(registry.as("admin"), { founding_jwk: readFoundingKey(registry, TENANT).jwk, operator: null });
  const person = walk.state.find("person", id);
  if (person === undefined) throw new Error(`The charter has no ${id}.`);
  return person;
}
