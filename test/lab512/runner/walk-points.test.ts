import { afterAll, beforeAll, expect, it } from "vitest";
import { Charters } from "../../../src/decision/charter/charters.js";
import { signNextEntry } from "../../../src/decision/charter/next-entry.js";
import { WalkPoints } from "../../../src/decision/charter/walk-points.js";
import type { Job } from "../../../src/domain/act/job.js";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { type SigningKey, signObject } from "../../../src/domain/bytes/signature.js";
import { CharterState } from "../../../src/domain/charter/state.js";
import { type SignedPoint, signedPointSchema } from "../../../src/domain/charter/walk-point.js";
import { toCharterKey, toWalkPointKey } from "../../../src/domain/storage-key.js";
import { openPointStore } from "../../../src/lab512/charter/point-store.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { requireOutcome } from "../../harness/outcomes.js";
import { approveJob, buildRunnerCommand, runEnvelope, waitForReceipt } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { createMembers, toPersonId } from "./members.js";
import { createHookedStore } from "./store-hooks.js";
import { createWorldKey, openWorld, TENANT, type World } from "./world.js";

/** More than the entries after which a Runner keeps a point. */
const ENTRIES = 70;

let world: World;
let operator: { tenant_id: string; founding_jwk: SigningKey["jwk"] };
beforeAll(async () => {
  world = await openWorld();
  const founding = world.keys.founding.get(TENANT);
  if (founding === undefined) throw new Error("no founding key");
  operator = { tenant_id: TENANT, founding_jwk: founding.jwk };
  const walk = requireOutcome(await new Charters(world.store, operator).openWalk(TENANT));
  for (let n = 0; n < ENTRIES; n += 1) {
    requireOutcome(await walk.advance((version) => world.store.blobs.get(toCharterKey(TENANT, version))));
    const person = { name: `Newcomer ${n}`, emails: [], passkeys: [], disabled: false };
    const params = { persons: { [toPersonId(`new${n}`)]: person }, actors: {} };
    const entry = requireOutcome(await signNextEntry(walk, { jobType: "registry.members.change", params }, founding));
    await world.store.blobs.create(toCharterKey(TENANT, entry.version), toCanonicalBytes(entry));
  }
});
afterAll(() => world.close());

/** Starts a Runner, which reads the charter. `asked` are the versions that it reads. */
async function startRunner(): Promise<{ deps: RunnerDependencies; asked: number[]; faults: string[] }> {
  const [asked, faults]: [number[], string[]] = [[], []];
  const store = createHookedStore(world.store, {
    before(operation, path) {
      const [, version] = /^charter\/T\.UBL\/(\d+)\.json$/.exec(path) ?? [];
      if (operation === "get" && version !== undefined) asked.push(Number(version));
    },
  });
  const reportFault = (error: unknown, what: string) => faults.push(`${what}: ${error}`);
  const points = new WalkPoints({ store: openPointStore(store), key: world.keys.receipt, release: "1.0.0", reportFault });
  const charters = new Charters(store, operator, points);
  const deps = await world.openRunner({ charters });
  requireOutcome(await charters.readNewest(TENANT));
  await points.settle();
  return { deps, asked, faults };
}

const pointKey = () => toWalkPointKey(TENANT, world.keys.receipt.kid);
async function readPoint(): Promise<SignedPoint> {
  return signedPointSchema.parse(JSON.parse(Buffer.from((await world.store.blobs.get(pointKey())) ?? []).toString("utf8")));
}
async function putPoint(point: SignedPoint): Promise<void> {
  const before = await world.store.pointers.read(pointKey());
  await world.store.pointers.swap(pointKey(), before?.version ?? null, toCanonicalBytes(point));
}

function buildJob(): Job {
  const params = { project_id: "_" as const, add: [{ use: "permit" as const, jwk: createWorldKey().jwk, revoked: false }], revoke: [] };
  return { jobType: "registry.keys.rotate", params };
}

it("a Runner that starts again reads what follows its own point, and every Runner with its key can use it", async () => {
  const first = await startRunner();
  expect(first.asked).toHaveLength(ENTRIES + 2);
  expect(await readPoint()).toMatchObject({ tenant_id: TENANT, version: ENTRIES + 1, kid: world.keys.receipt.kid });
  const second = await startRunner();
  expect([second.asked, second.faults]).toEqual([[ENTRIES + 2], []]);
});

// LAB 256 got credentials that can write the Runner's point. In it, Bob and Carol have passkeys that LAB 256 holds, so that it could decide at
// L5 alone. It signs the point with its own key, under the id of the Runner's.
it("a Runner believes no point that LAB 256 wrote over its own, and decides by the charter", async () => {
  await startRunner();
  const kept = await readPoint();
  const { kid: _, sig: __, ...genuine } = kept;
  const mallory = createMembers();
  const records = genuine.records.map((record) => {
    const person = record.kind === "person" ? mallory.params.persons[record.id ?? ""] : undefined;
    return person === undefined || record.kind !== "person" ? record : { ...record, value: person };
  });
  const state = new CharterState();
  state.write(records);
  const forged = { ...genuine, records, state_hash: state.hash };
  const approveAsMallory = async (deps: RunnerDependencies) => {
    const job = buildJob();
    return buildRunnerCommand(world, { job, scopes: await approveJob({ ...world, members: mallory }, deps, job, "L5", "office:registry") });
  };

  await putPoint(signObject("charter_point", forged, { ...world.keys.permit, kid: world.keys.receipt.kid }));
  const { deps, asked, faults } = await startRunner();
  expect(asked).toHaveLength(ENTRIES + 2);
  expect(faults).toEqual([expect.stringContaining("not a point that this process signed")]);
  expect(await readPoint()).toEqual(kept);
  const refusal = await expectRefusal(world, deps, await approveAsMallory(deps), "approval_missing");
  expect(refusal.error).toMatch(/not one of this person's/);

  // With the Runner's own key the same point would be believed, so the signature is what protects.
  await putPoint(signObject("charter_point", forged, world.keys.receipt));
  const deceived = await startRunner();
  expect(await waitForReceipt(runEnvelope(deceived.deps, await approveAsMallory(deceived.deps)))).toMatchObject({ status: "success" });
});
