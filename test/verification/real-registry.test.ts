import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { hashPlan } from "../../src/domain/act/plan.js";
import type { SigningKey } from "../../src/domain/bytes/signature.js";
import { toReceiptKey, toRepoPrefix } from "../../src/domain/storage-key.js";
import { planJob } from "../../src/planning/plan-job.js";
import { openLocalClone } from "../../src/repository/local-clone.js";
import { Repositories } from "../../src/repository/repositories.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { verifyFolder } from "../../src/verification/verify-folder.js";
import { runOgrHere } from "../cli/ogr-here.js";
import { chooseExtent } from "../harness/campaign.js";
import { readFoundingKey } from "../harness/charter.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { createWorldKey, LIMITS } from "../lab512/runner/world.js";
import { cloneBare, hasSshKeygen, openGitVerifier } from "../repository/git-verification.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { approveAsEach, ensurePasskeys, openTagCard } from "../scenarios/acts.js";
import { MERGE, MergeProject } from "../scenarios/merge-project.js";
import { changeOneMember } from "./changes.js";
import { copyStore } from "./store-copy.js";

const PROJECT = "P.verified";
const PREFIX = toRepoPrefix(DEMO_TENANT, PROJECT);
const SWEEP_MS = 600_000;

let folder: string;
let key: SigningKey;
let keyFile: string;
let merge: string;
let release: string;
let waiting: {
  readonly params: Awaited<ReturnType<MergeProject["buildParams"]>>;
  readonly plan_digest: string;
  readonly policy_hash: string;
};

/** Makes a merge of two histories and a release, both at L4, and a card that waits, copies the store, and stops the registry. */
beforeAll(async () => {
  const registry: ServedRegistry = await startRegistryInProcess({ name: "verify" });
  try {
    await ensurePasskeys(registry, "bob", "carol");
    const project = await MergeProject.create(registry, PROJECT);
    const merged = await approveAsEach(registry, await project.openMergeCard("feature/x", "main"), ["bob"]);
    expect(merged, JSON.stringify(merged.denial)).toMatchObject({ status: "success", level: "L4" });
    const commit = (await project.readTip("main")) ?? "";
    const tag = await openTagCard(registry.as("admin"), { project_id: PROJECT, tag: "v1.0.0", commit });
    const tagged = await approveAsEach(registry, tag, ["carol"]);
    expect(tagged, JSON.stringify(tagged.denial)).toMatchObject({ status: "success", level: "L4" });
    [merge, release] = [merged.jti ?? "", tagged.jti ?? ""];
    const params = await project.buildParams("feature/y", "main");
    const { plan_digest, plan } = await project.open(params);
    waiting = { params, plan_digest: plan_digest ?? "", policy_hash: String(plan?.basis.policy_hash) };
    key = readFoundingKey(registry, DEMO_TENANT);
    folder = await copyStore(registry.store);
  } finally {
    await registry.stop();
  }
  keyFile = join(createTemporaryFolder("ogr-founding-"), "founding.jwk.json");
  await writeFile(keyFile, JSON.stringify(key.jwk));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const verify = (from: string, more: { act?: string; clone?: string } = {}) =>
  verifyFolder({ folder: from, tenant_id: DEMO_TENANT, root: key.jwk, ...more });

async function listFiles(of: string): Promise<string[]> {
  const entries = await readdir(of, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [relative(of, join(entry.parentPath, entry.name))] : [])).sort();
}

describe("a copy of the object store, with every server stopped", () => {
  it("proves every act from the founding key on, each plan computed again from its objects", async () => {
    const { acts, mismatch } = await verify(folder);
    expect(mismatch).toBeUndefined();
    expect(acts.map(({ receipt }) => receipt.jobType.replace("git.registry.", "")).sort()).toEqual(
      ["init", "merge_protected", "merge_protected", "push", "push", "push", "tag_release"].sort(),
    );
    for (const { is_replayed, taken } of acts) expect([is_replayed, taken]).toEqual([true, []]);
  });

  it.skipIf(!hasSshKeygen())("lets stock git verify what the registry made, in a clone, by the keys that its charter names", async () => {
    const args = ["charter", "allowed-signers", "--folder", folder, "--founding-key", keyFile, "--tenant", DEMO_TENANT];
    const { code, stdout, stderr } = await runOgrHere(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^registry@ubl\.invalid namespaces="git" ssh-ed25519 [A-Za-z0-9+/]{68}\n$/);
    const git = openGitVerifier(cloneBare(join(folder, PREFIX)), stdout);
    expect(git.verifyCommit("main")).toMatchObject({ isGood: true });
    expect(git.verifyTag("v1.0.0")).toMatchObject({ isGood: true });
    // What a person pushed has no signature of the registry.
    expect(git.verifyCommit("main^2")).toMatchObject({ isGood: false });
    const other = join(createTemporaryFolder("ogr-founding-"), "other.jwk.json");
    await writeFile(other, JSON.stringify(createWorldKey().jwk));
    const operator = join(createTemporaryFolder("ogr-operator-"), "operator.json");
    await writeFile(operator, JSON.stringify({ tenant_id: DEMO_TENANT, founding_jwk: key.jwk }));
    expect(await runOgrHere([...args.slice(0, 5), operator, "--tenant", DEMO_TENANT])).toMatchObject({ code: 0, stdout });
    expect(await runOgrHere([...args.slice(0, 5), other, "--tenant", DEMO_TENANT])).toMatchObject({ code: 1, stdout: "" });
  });

  it("tells a person who decided what, by which policy and keys, and a program in JSON", async () => {
    const args = ["verify", folder, "--founding-key", keyFile, "--tenant", DEMO_TENANT, "--act", merge];
    const told = await runOgrHere(args);
    expect([told.code, told.stderr]).toEqual([0, ""]);
    for (const line of [
      /git\.registry\.merge_protected in P\.verified, L4/,
      /by {8}ubl:sid:person:admin \(person:ana\) as office::default/,
      /ref {7}refs\/heads\/main: [0-9a-f]{12} → [0-9a-f]{12}/,
      /required {2}1 approval with step-up: person:bob/,
      /approved {2}by ubl:sid:person:bob as office::default with the passkey /,
      /pushed {4}by person:ana, from 5 acts before/,
      /plan {6}[0-9a-f]{64}, computed again/,
      /policy {4}[0-9a-f]{64}, of charter version \d/,
      /keys {6}receipt [0-9a-f]{16}, permit [0-9a-f]{16}, card [0-9a-f]{16}/,
      /The act holds, from the founding key of T\.UBL on/,
    ])
      expect(told.stdout).toMatch(line);
    const json = await runOgrHere([...args, "--json"]);
    const [act] = json.stdout.split("\n");
    expect(z.looseObject({}).parse(JSON.parse(act ?? ""))).toMatchObject({
      ok: true,
      level: "L4",
      is_replayed: true,
      person_id: "person:ana",
    });
  });

  it("names the file and the member that do not hold, with exit code 1", async () => {
    const changed = await copyFolder();
    const file = toReceiptKey(DEMO_TENANT, release);
    const receipt = await readFile(join(changed, file), "utf8");
    await writeFile(join(changed, file), receipt.replace('"person_id":"person:ana"', '"person_id":"person:bob"'));
    const args = ["verify", changed, "--founding-key", keyFile, "--tenant", DEMO_TENANT, "--act", release];
    const told = await runOgrHere(args);
    expect([told.code, told.stdout]).toEqual([1, expect.stringContaining(`DOES NOT HOLD: ${file}, \`sig\`: The signature does not match`)]);
    const json = await runOgrHere([...args, "--json"]);
    expect(json.json(z.looseObject({}))).toMatchObject({ ok: false, file, member: "sig" });
    await rm(changed, { recursive: true });
  });

  it("shows nothing to somebody who kept another founding key", async () => {
    const root = createWorldKey().jwk;
    const { mismatch } = await verifyFolder({ folder, tenant_id: DEMO_TENANT, root });
    expect(mismatch).toMatchObject({ file: "charter/T.UBL/1.json", problem: expect.stringContaining("founding key") });
  });

  it("without the git objects, says what it took as recorded", async () => {
    const changed = await copyFolder();
    await rm(join(changed, PREFIX), { recursive: true });
    const { acts, mismatch } = await verify(changed, { act: merge });
    expect(mismatch).toBeUndefined();
    expect(acts[0]).toMatchObject({
      is_replayed: false,
      taken: [
        "the objects of the project, which are not here",
        "the plan, whose digest the approvals name",
        "the tree and the parents of the merge, from the Pact",
      ],
    });
    await rm(changed, { recursive: true });
  });

  it("with a local clone instead of its objects, proves the same", async () => {
    const changed = await copyFolder();
    await rm(join(changed, PREFIX), { recursive: true });
    const { acts, mismatch } = await verify(changed, { act: merge, clone: cloneBare(join(folder, PREFIX)) });
    expect(mismatch).toBeUndefined();
    expect(acts[0]).toMatchObject({ is_replayed: true, taken: [] });
    await rm(changed, { recursive: true });
  });
});

/** Files that do not bear on any act, and the reason for each. */
const IRRELEVANT: readonly (readonly [RegExp, string])[] = [
  [/^anchors\//, "heads of the ledger, on which no act rests"],
  [/^(claims|ends)\/_probe\//, "a process's test of the store"],
  [/^(charter|policies)\/T\.OTHER\//, "another tenant's"],
  [/^staging\//, "bytes on their way in; the packs hold the objects"],
  [/\.git\/(HEAD|config|refs\/\.keep|objects\/\.keep|objects\/4b\/.*)$/, "constant files by which stock git knows a repository"],
  [/^registry-metadata\/T\.UBL\/projects\/P\.verified\/index\.json$/, "derived from packed-refs and the last receipt"],
  [/^registry-metadata\/T\.UBL\/pushes\//, "derived from the receipts, which are read instead"],
];

describe("an attacker who can write the copy", () => {
  it.each(["changes a member, or flips a byte, of", "removes"])(
    "%s each file in turn, and is named each time",
    { timeout: SWEEP_MS },
    async (how) => {
      const files = await listFiles(folder);
      expect(files.length).toBeGreaterThan(40);
      const accepted: string[] = [];
      const wrong: string[] = [];
      // The suite attacks every eighth file, and others for each kind of attack.
      const attacked = files.filter((_, at) => at % chooseExtent(8, 1) === (how === "removes" ? 0 : chooseExtent(4, 0)));
      const left = attacked.values();
      const attackNext = async () => {
        const changed = await copyFolder();
        for (const file of left) {
          const path = join(changed, file);
          const bytes = await readFile(path);
          if (how === "removes") await rm(path);
          else await writeFile(path, changeOneMember(file, bytes));
          const { mismatch } = await verify(changed);
          if (mismatch === undefined) accepted.push(file);
          else if (mismatch.file !== file && !isNamedThrough(file, mismatch)) wrong.push(`${file}: ${mismatch.file}: ${mismatch.problem}`);
          await writeFile(path, bytes);
        }
        await rm(changed, { recursive: true });
      };
      await Promise.all(Array.from({ length: 4 }, attackNext));
      expect(accepted.filter((file) => !IRRELEVANT.some(([pattern]) => pattern.test(file)))).toEqual([]);
      expect(wrong).toEqual([]);
    },
  );
});

/** A lost object of the charter's end is named where it is missed. */
function isNamedThrough(file: string, mismatch: { readonly problem: string }): boolean {
  return mismatch.problem.includes(file);
}

it("planning on a stock bare clone yields the plan digest of the registry", async () => {
  const repositories = new Repositories(createTemporaryFolder("ogr-plan-"));
  try {
    const name = { tenant_id: DEMO_TENANT, project_id: PROJECT };
    const store = await openLocalClone(repositories.git, cloneBare(join(folder, PREFIX)), name);
    // No commit of the merge is a squash, so none has authors that a key must prove.
    const readGitKeys = async () => ({ valid: { keys: [] }, known: { keys: [] } });
    const context = { tenant_id: DEMO_TENANT, store, repositories, limits: LIMITS, readGitKeys, keepsInfra: false };
    const { params, plan_digest, policy_hash } = waiting;
    const plan = await planJob(context, MERGE, { params, target: "LAB_512", policy_hash, infra: "none" });
    if (!plan.ok) throw new Error(plan.denial.message);
    expect(hashPlan(plan.value)).toBe(plan_digest);
  } finally {
    await repositories.close();
  }
});

async function copyFolder(): Promise<string> {
  const copy = createTemporaryFolder("ogr-changed-");
  await mkdir(copy, { recursive: true });
  await cp(folder, copy, { recursive: true });
  return copy;
}
