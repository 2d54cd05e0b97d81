import { randomUUID } from "node:crypto";
import { createJobId } from "../../src/client/acting.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { Permit, UnsignedPermit } from "../../src/domain/permit/permit.js";
import type { ServedRegistry } from "../harness/registry.js";
import { OFFICE, type Push } from "./acts.js";

/** Builds the command for a permit to push. */
export function toPushEnvelope(permit: Permit, { params, patch }: Push, members: Partial<CommandEnvelope> = {}): CommandEnvelope {
  const { tenant_id, jobType, target, subject_hash, policy_hash, office_id } = permit.scopes;
  const sent = patch === undefined ? params : { ...params, patch };
  return {
    jti: permit.jti,
    tenant_id,
    jobId: createJobId(),
    jobType,
    params: sent,
    subject_hash,
    policy_hash,
    permit,
    target,
    office_id,
    ...members,
  } as CommandEnvelope;
}

/** Requests a permit for a push without using it. */
export async function requestPushPermit(client: RegistryClient, { params }: Push, office_id = OFFICE): Promise<Permit> {
  return requireValue(
    await client.requestPermit({ office_id, intent: "A scenario", jobType: "git.registry.push", params, target: "LAB_512" }),
  ).permit;
}

interface PermitChanges extends Partial<Omit<UnsignedPermit, "scopes">> {
  readonly scopes?: Partial<UnsignedPermit["scopes"]>;
}

/** Signs a changed permit with a new `jti` by the registry's key, as only an insider could. */
export function signPermitLike(
  registry: ServedRegistry,
  { kid: _, sig: __, ...like }: Permit,
  { scopes, ...changes }: PermitChanges,
  key: SigningKey = readSigningKey(registry.founded.keys.permit),
): Permit {
  return signObject("permit", { ...like, jti: randomUUID(), ...changes, scopes: { ...like.scopes, ...scopes } }, key);
}
