import { afterAll, beforeAll, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import type { ChangeParams } from "../../../src/domain/charter/change.js";
import { charterEntrySchema, signEntry } from "../../../src/domain/charter/entry.js";
import type { CharterVersions } from "../../../src/domain/charter/versions.js";
import { parseJsonBytes } from "../../../src/domain/json.js";
import type { Receipt } from "../../../src/domain/permit/receipt.js";
import { toCharterKey, toReceiptKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { verifyFolder } from "../../../src/verification/verify-folder.js";
import { copyStore } from "../../verification/store-copy.js";
import { approveJob, buildInitJob, buildRunnerCommand, type Recipe, runEnvelope, stagePushJob, waitForReceipt } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { createWorldKey, KEYLESS_TENANT, OTHER_TENANT, openWorld, TENANT, type World } from "./world.js";

const FIRST: CharterVersions = { charter_version: 1, operator_version: 1 };

let world: World;
let deps: RunnerDependencies;
let pushed: Receipt;
/** The newest permit key of the operator's charter. */
let operatorsPermitKey: SigningKey;
beforeAll(async () => {
  world = await openWorld();
  deps = await world.openRunner();
  await act(buildInitJob("P.demo"), "L3");
  pushed = await run({ job: await stagePush("feature/first"), scopes: FIRST });
});
afterAll(() => world.close());

/** Builds a command of the tenant without keys, which the operator's permit key signs. */
const build = (recipe: Recipe) => buildRunnerCommand(world, { tenant_id: KEYLESS_TENANT, ...recipe });
const run = (recipe: Recipe) => waitForReceipt(runEnvelope(deps, build(recipe)));

/** Carries out an act with a card, which the operator's statement key signs. */
async function act(job: Job, level: "L3" | "L5", versions = FIRST, signer?: SigningKey): Promise<Receipt> {
  const office = level === "L5" ? "office:registry" : "office::default";
  const scopes = { ...(await approveJob(world, deps, job, level, office, KEYLESS_TENANT)), ...versions };
  const receipt = await run({ job, scopes, ...(signer === undefined ? {} : { signer }) });
  expect(receipt.status, receipt.error).toBe("success");
  return receipt;
}

function stagePush(branch: string): Promise<Job> {
  const diff = Buffer.from(`diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+${branch}\n`);
  return stagePushJob(world, diff, { branch }, KEYLESS_TENANT);
}

const name = (use: "permit" | "receipt", { jwk }: SigningKey) => ({ use, jwk, revoked: false });

/** The operator's charter replaces a key. Returns the new version. */
function rotateOperator(params: Pick<ChangeParams<"registry.keys.rotate">, "add" | "revoke">): Promise<number> {
  const founding = world.keys.founding.get(TENANT) ?? createWorldKey();
  return appendCharterEntry(world.store, TENANT, founding, { jobType: "registry.keys.rotate", params });
}

/** Returns the first thing that does not hold of an act in a copy with these objects changed. */
async function findMismatch(act: Receipt, objects: Readonly<Record<string, Uint8Array | undefined>> = {}, isAlone = false) {
  const folder = await copyStore(world.store, objects);
  const jwk = (tenant: string) => (world.keys.founding.get(tenant) ?? createWorldKey()).jwk;
  const root = isAlone ? jwk(KEYLESS_TENANT) : { tenant_id: TENANT, founding_jwk: jwk(TENANT) };
  const { mismatch } = await verifyFolder({ folder, tenant_id: KEYLESS_TENANT, root, act: act.jti });
  return mismatch === undefined ? undefined : { file: mismatch.file, member: mismatch.member, problem: mismatch.problem };
}

it("the acts of a tenant that names no keys rest on those of the operator's charter, and verify with it", async () => {
  expect(pushed).toMatchObject({ status: "success", ...FIRST });
  expect(await findMismatch(pushed)).toBeUndefined();
});

it("an evidence set without the operator's charter or its key is named", async () => {
  const first = toCharterKey(TENANT, 1);
  expect(await findMismatch(pushed, { [first]: undefined })).toMatchObject({ file: first });
  expect(await findMismatch(pushed, {}, true)).toMatchObject({
    file: toCharterKey(KEYLESS_TENANT, 1),
    problem: expect.stringContaining("pass the operator's file"),
  });
});

it("a permit is refused that names no version of the operator's charter, or one that is absent, or is signed by a key of another use", async () => {
  const job = await stagePush("feature/forged");
  const nothing = build({ job, scopes: { charter_version: 1 } });
  expect((await expectRefusal(world, deps, nothing, "charter_invalid")).error).toContain(
    "in the versions of the charters that the permit names",
  );
  const absent = build({ job, scopes: { charter_version: 1, operator_version: 2 } });
  expect((await expectRefusal(world, deps, absent, "charter_invalid")).error).toContain("version 2 of the charter of the operator");
  for (const signer of [world.keys.statement, world.keys.receipt, world.keys.git])
    await expectRefusal(world, deps, build({ job, scopes: FIRST, signer }), "permit_key_unknown");
  // A tenant with keys of its own names no version that means nothing.
  await expectRefusal(world, deps, build({ tenant_id: OTHER_TENANT, job, scopes: FIRST }), "charter_invalid");
});

it("a change of the charter is an act under the operator's keys, which everybody who walks it verifies", async () => {
  const dora = { name: "Dora", emails: [], passkeys: [], disabled: false };
  const params = { project_id: "_" as const, persons: { "person:dora": dora }, actors: {} };
  const receipt = await act({ jobType: "registry.members.change", params }, "L5");
  expect(receipt).toMatchObject(FIRST);
  const entry = parseJsonBytes((await world.store.blobs.get(toCharterKey(KEYLESS_TENANT, 2))) ?? Buffer.alloc(0));
  expect(entry).toMatchObject({ authority: { kind: "act", operator_version: 1 } });
  expect(await findMismatch(receipt)).toBeUndefined();
});

it("a key that the operator's charter replaced signs no permit any more, whatever versions it names, and what it signed before holds", async () => {
  const next = createWorldKey();
  operatorsPermitKey = next;
  const job = await stagePush("feature/stolen");
  const version = await rotateOperator({ add: [name("permit", next)], revoke: [world.keys.permit.kid] });
  for (const operator_version of [1, version])
    await expectRefusal(world, deps, build({ job, scopes: { charter_version: 2, operator_version } }), "permit_key_unknown");
  const early = build({ job, scopes: { charter_version: 2, operator_version: 1 }, signer: next });
  await expectRefusal(world, deps, early, "charter_invalid");
  const versions = { charter_version: 2, operator_version: version };
  const later = await run({ job: await stagePush("feature/later"), scopes: versions, signer: next });
  expect(later).toMatchObject({ status: "success", ...versions });
  expect(await findMismatch(pushed)).toBeUndefined();
  expect(await findMismatch(later)).toBeUndefined();

  const last = toCharterKey(TENANT, version);
  expect(await findMismatch(later, { [last]: undefined })).toMatchObject({
    file: toReceiptKey(KEYLESS_TENANT, later.jti),
    member: "operator_version",
    problem: expect.stringContaining(`${last} is missing`),
  });
  const genuine = charterEntrySchema.parse(parseJsonBytes((await world.store.blobs.get(last)) ?? Buffer.alloc(0)));
  const forged = createWorldKey();
  const { authority: _, ...unsigned } = {
    ...genuine,
    change: { jobType: "registry.keys.rotate" as const, params: { add: [name("permit", forged)], revoke: [] } },
  };
  expect(await findMismatch(later, { [last]: toCanonicalBytes(signEntry(unsigned, forged)) })).toMatchObject({ file: last });
});

it("the operator's permit key signs none for a tenant that names one of its own", async () => {
  const own = createWorldKey();
  const founding = world.keys.founding.get(KEYLESS_TENANT) ?? createWorldKey();
  const params = { add: [name("permit", own)], revoke: [] };
  const charter_version = await appendCharterEntry(
    world.store,
    KEYLESS_TENANT,
    founding,
    { jobType: "registry.keys.rotate", params },
    deps.charters.operator,
  );
  const newest = await deps.charters.readNewest(KEYLESS_TENANT);
  expect(newest).toMatchObject({ ok: true, value: { versions: { charter_version } } });
  const job = await stagePush("feature/own");
  const scopes = newest.ok ? newest.value.versions : FIRST;
  await expectRefusal(world, deps, build({ job, scopes, signer: operatorsPermitKey }), "permit_key_unknown");
});

it("a receipt of a Runner's key that the operator's charter revoked does not hold in the version that revoked it", async () => {
  const next = createWorldKey();
  const operator_version = await rotateOperator({ add: [name("receipt", next)], revoke: [world.keys.receipt.kid] });
  const { kid: _, sig: __, ...unsigned } = pushed;
  const stolen = signObject("receipt", { ...unsigned, operator_version }, world.keys.receipt);
  expect(await findMismatch(pushed, { [toReceiptKey(KEYLESS_TENANT, pushed.jti)]: toCanonicalBytes(stolen) })).toMatchObject({
    file: toReceiptKey(KEYLESS_TENANT, pushed.jti),
    member: "kid",
    problem: expect.stringContaining(`with version ${operator_version} of the operator's`),
  });
  expect(await findMismatch(pushed)).toBeUndefined();
});
