import { expect } from "vitest";
import type { CharterSources } from "../../../src/decision/charter/named-policies.js";
import { CharterWalk } from "../../../src/decision/charter/walk.js";
import { buildActor, buildFounding, buildPerson, CharterWriter } from "./charters.js";

export type Change = Parameters<CharterWriter["append"]>[0];

export const NEW_POLICY = "b".repeat(64);
export const publish = (policy_hash: string) => ({ jobType: "registry.policy.publish", params: { policy_hash } }) as const;

export function writeThreeVersions(): CharterWriter {
  const writer = new CharterWriter();
  writer.append(buildFounding());
  writer.append(publish(NEW_POLICY));
  writer.append({
    jobType: "registry.members.change",
    params: { persons: { "person:dave": buildPerson("dave") }, actors: { "ubl:sid:person:dave": buildActor("person:dave") } },
  });
  return writer;
}

/** An entry of the founding key is checked without a policy, and this charter as the operator's. */
const refusePolicy = async (): Promise<never> => {
  throw new Error("A policy was read.");
};
export const refusePolicies: CharterSources = {
  readPolicy: refusePolicy,
  readPolicyParts: refusePolicy,
  readOperator: null,
};

export const walkOf = (writer: CharterWriter) => new CharterWalk(writer.tenant_id, writer.key.jwk, refusePolicies);

export async function expectDenied(writer: CharterWriter, why: RegExp, reached: number): Promise<void> {
  const walk = walkOf(writer);
  const outcome = await walk.advance(writer.read);
  expect(outcome).toMatchObject({ ok: false, denial: { code: "charter_invalid", message: expect.stringMatching(why) } });
  expect(walk.version).toBe(reached);
}
