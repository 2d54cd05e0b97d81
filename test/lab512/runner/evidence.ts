import { expect } from "vitest";
import { toCanonicalBytes } from "../../../src/domain/bytes/canonical.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { verifySignedObject } from "../../../src/domain/bytes/signature.js";
import type { DenialCode } from "../../../src/domain/denial.js";
import { type CommandEnvelope, hashEnvelope } from "../../../src/domain/permit/envelope.js";
import { type Refusal, refusalSchema } from "../../../src/domain/permit/receipt.js";
import { toRefusalKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { runEnvelope, waitForRefusal } from "./commands.js";
import { hashContents, toJwks, type World } from "./world.js";

/** Runs a command that must be refused, and checks that only the refusal and its log were written. */
export async function expectRefusal(
  world: World,
  deps: RunnerDependencies,
  envelope: CommandEnvelope,
  code: DenialCode,
  authority?: unknown,
): Promise<Refusal> {
  const before = await hashContents(world.store);
  const refusal = await waitForRefusal(runEnvelope(deps, envelope, {}, authority));
  expect(refusal.code, refusal.error).toBe(code);
  const digest = hashEnvelope(envelope);
  const key = toRefusalKey(envelope.tenant_id, digest);
  const after = await hashContents(world.store);
  const added = Object.keys(after).filter((name) => !(name in before));
  expect(added.sort()).toEqual([refusal.logs_key, key].sort());
  for (const [name, hash] of Object.entries(before)) expect(after[name], name).toBe(hash);

  expect(refusalSchema.parse(refusal)).toEqual(refusal);
  expect(verifySignedObject("refusal", refusal, toJwks(world.keys.receipt))).toBe("valid");
  expect(refusal).toMatchObject({ tenant_id: envelope.tenant_id, jti: envelope.jti, jobId: envelope.jobId, envelope_digest: digest });
  expect(refusal.status).toBe(code === "permit_expired" ? "expired" : "denied");
  expect(await world.store.blobs.get(key)).toEqual(toCanonicalBytes(refusal));
  expect(hashBlake3Hex((await world.store.blobs.get(refusal.logs_key)) ?? new Uint8Array(0))).toBe(refusal.logs_hash);
  return refusal;
}
