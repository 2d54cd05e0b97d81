import { generateKeyPairSync } from "node:crypto";
import { hashSubject, type PushParams } from "../../src/domain/act/job.js";
import { parseSigningKey, type SigningKey, signObject } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { type Permit, toAudience, type UnsignedPermit } from "../../src/domain/permit/permit.js";

export function createTestKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}

export const key = createTestKey();

/** The operator of a registry whose charters are not read. */
export const UNUSED_OPERATOR = { tenant_id: "T.NONE", founding_jwk: key.jwk };

export const DIGEST = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
export const OTHER_DIGEST = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213";
export const JTI = "0b9f1a52-7c1e-4c4d-9d0a-3f6a5c2e8b11";
export const COMMIT = "8b17566c80103bd80e31495750305dfc2f093aa5";

export const pushParams: PushParams = {
  project_id: "P.demo",
  branch: "feature/hello",
  expected_old: "0".repeat(40),
  commit_summary: "feat: hello",
  subject_hash: DIGEST,
};

export const unsignedPermit: UnsignedPermit = {
  aud: toAudience("LAB_512"),
  jti: JTI,
  iat: 1_735_320_000_000,
  exp: 1_735_320_120_000,
  max_run_ms: 60_000,
  scopes: {
    tenant_id: "T.UBL",
    jobType: "git.registry.push",
    target: "LAB_512",
    subject_hash: hashSubject(pushParams),
    policy_hash: OTHER_DIGEST,
    charter_version: 1,
    approval_ref: "k-01h8x",
    level: "L4",
    actor_id: "ubl:sid:person:admin",
    office_id: "office::default",
    plan_digest: DIGEST,
  },
};

export const permit: Permit = signObject("permit", unsignedPermit, key);

export const envelope: CommandEnvelope = {
  jti: JTI,
  tenant_id: "T.UBL",
  jobId: "job-1",
  jobType: "git.registry.push",
  params: pushParams,
  subject_hash: permit.scopes.subject_hash,
  policy_hash: permit.scopes.policy_hash,
  permit,
  target: "LAB_512",
  office_id: "office::default",
};

const answered = {
  tenant_id: "T.UBL",
  jobId: "job-1",
  jti: JTI,
  jobType: "git.registry.push",
  project_id: "P.demo",
  finished_at: 1_735_320_000_001,
  logs_hash: DIGEST,
  logs_key: "artifacts/T.UBL/P.demo/_/x.jsonl",
  artifacts: [],
  usage: { wall_ms: 12, staged_bytes: 10, stored_bytes: 20 },
  error: "",
  envelope_digest: DIGEST,
  policy_hash: OTHER_DIGEST,
  kid: key.kid,
  sig: permit.sig,
};

export const receipt = {
  ...answered,
  status: "success",
  refs: [{ name: "refs/heads/feature/hello", old: "0".repeat(40), new: COMMIT }],
  actor_id: "ubl:sid:app:ci",
  person_id: "person:ana",
  charter_version: 1,
  previous_act: "0190a0b0-0000-7000-8000-000000000002",
};

export const refusal = { ...answered, status: "denied", code: "permit_mismatch", error: "Envelope and permit differ in `target`." };

export const statement = {
  tenant_id: "T.UBL",
  card_id: "k-01h8x",
  card_digest: OTHER_DIGEST,
  round: 1,
  plan_digest: DIGEST,
  decision: "approve",
  approver: "ubl:sid:person:admin",
  office_id: "office::default",
  nonce: "AAAAAAAAAAAAAAAAAAAAAA",
  not_after: 1_735_320_120_000,
};

export const signedStatement = { statement, attestor: { kid: key.kid, sig: permit.sig } };

export const claim = {
  tenant_id: "T.UBL",
  jti: JTI,
  envelope_digest: DIGEST,
  workflow_id: "act/T.UBL/x",
  run_id: "r",
  activity_id: "1",
  attempt: 1,
  nonce: "n",
  claimed_at: 1,
  charter_version: 1,
  statement_digests: [],
  kid: key.kid,
  sig: permit.sig,
};

export const permitEnd = { tenant_id: "T.UBL", jti: JTI, end: "revoked", reason: "asked for", ended_at: 1 };

export const cardRequest = {
  tenant_id: "T.UBL",
  office_id: "office::default",
  intent: "Publish the greeting",
  jobType: "git.registry.push",
  target: "LAB_512",
  params: pushParams,
};

export const permitRequest = { ...cardRequest, actor_id: "ubl:sid:person:admin", context: {} };
