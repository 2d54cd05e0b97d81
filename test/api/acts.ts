import { randomUUID } from "node:crypto";
import { hashSubject, type InitParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { Permit, UnsignedPermit } from "../../src/domain/permit/permit.js";
import { ADMIN, TENANT } from "./running-api.js";

export const PATCH = Buffer.from("not a bundle, but bytes\n");
export const OFFICE = "office::default";

export const buildPushParams = (members: object = {}) => ({
  project_id: "P.demo",
  branch: "feature/x",
  expected_old: "0".repeat(40),
  commit_summary: "feat: hello",
  subject_hash: hashBlake3Hex(PATCH),
  ...members,
});

export const buildInitParams = (members: Partial<InitParams> = {}): InitParams => ({
  project_id: "P.demo",
  name: "Demo",
  owners: [OFFICE],
  visibility: "internal",
  ...members,
});

export const buildPermitRequest = (members: object = {}) => ({
  tenant_id: TENANT,
  actor_id: ADMIN,
  office_id: OFFICE,
  intent: "Publish the hello feature.",
  context: {},
  jobType: "git.registry.push",
  params: buildPushParams(),
  target: "LAB_512",
  ...members,
});

export const buildCardRequest = (members: object = {}) => ({
  tenant_id: TENANT,
  office_id: OFFICE,
  intent: "Make the demo an official project.",
  jobType: "git.registry.init",
  params: buildInitParams(),
  target: "LAB_512",
  ...members,
});

/** An envelope with its permit; `permit` changes the permit before it is signed, `members` the envelope after. */
export function buildEnvelope(
  key: SigningKey,
  permit: { scopes?: object } & Partial<Omit<UnsignedPermit, "scopes">> = {},
  members: object = {},
): CommandEnvelope {
  const params = buildPushParams();
  const jti = randomUUID();
  const { scopes, ...rest } = permit;
  const shared = {
    tenant_id: TENANT,
    jobType: "git.registry.push" as const,
    target: "LAB_512" as const,
    subject_hash: hashSubject(params),
    policy_hash: hashBlake3Hex(Buffer.from("policy")),
  };
  const unsigned: UnsignedPermit = {
    aud: "runner:LAB_512",
    jti,
    iat: Date.now(),
    exp: Date.now() + 120_000,
    max_run_ms: 60_000,
    ...rest,
    scopes: { ...shared, charter_version: 1, level: "L1", actor_id: ADMIN, office_id: OFFICE, ...scopes },
  };
  const issued: Permit = signObject("permit", unsigned, key);
  return { ...shared, jti: issued.jti, jobId: `job-${jti}`, params, permit: issued, office_id: OFFICE, ...members } as CommandEnvelope;
}
