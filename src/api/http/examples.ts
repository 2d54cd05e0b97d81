/** Examples for the documentation, with invented hashes and real shapes. */
const BLAKE3 = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
const POLICY = "3f8a1c0de2b94c7e8a6d5f40b1c29e7d6a5b4c3d2e1f00112233445566778899";
const JTI = "5f0c2b6e-8f0e-4d5b-9a37-3f1f0e6b7a10";

const PUSH = {
  project_id: "P.demo",
  branch: "feature/hello",
  expected_old: "0000000000000000000000000000000000000000",
  commit_summary: "feat: hello",
  subject_hash: BLAKE3,
};

export const PERMIT_REQUEST_EXAMPLE = {
  tenant_id: "T.UBL",
  actor_id: "ubl:sid:app:ci",
  office_id: "office::default",
  intent: "Publish the hello feature for review.",
  context: { ticket: "UBL-12" },
  jobType: "git.registry.push",
  params: PUSH,
  target: "LAB_512",
};

export const ENVELOPE_EXAMPLE = {
  jti: JTI,
  tenant_id: "T.UBL",
  jobId: "job-hello-1",
  jobType: "git.registry.push",
  params: PUSH,
  subject_hash: BLAKE3,
  policy_hash: POLICY,
  permit: {
    aud: "runner:LAB_512",
    jti: JTI,
    iat: 1735319880000,
    exp: 1735320000000,
    max_run_ms: 600000,
    scopes: {
      tenant_id: "T.UBL",
      jobType: "git.registry.push",
      target: "LAB_512",
      subject_hash: BLAKE3,
      policy_hash: POLICY,
      charter_version: 1,
      level: "L1",
      actor_id: "ubl:sid:app:ci",
      office_id: "office::default",
    },
    kid: "9c1185a5c5e9fc54",
    sig: "base64",
  },
  target: "LAB_512",
  office_id: "office::default",
};

export const CARD_REQUEST_EXAMPLE = {
  tenant_id: "T.UBL",
  office_id: "office::default",
  intent: "Make the demo an official project.",
  jobType: "git.registry.init",
  params: { project_id: "P.demo", name: "Demo", owners: ["office::default"], visibility: "internal" },
  target: "LAB_512",
};

export const PLAN_REQUEST_EXAMPLE = {
  tenant_id: "T.UBL",
  office_id: "office::default",
  jobType: "git.registry.merge_protected",
  params: {
    project_id: "P.demo",
    source: "feature/hello",
    target: "main",
    expected_source: "8f3ab2cf3e7c1d5a9b0e4f6d2c1a7b8e9f0d1c2b",
    expected_target: "0000000000000000000000000000000000000000",
    strategy: "merge",
  },
  target: "LAB_512",
};

export const STATEMENT_EXAMPLE = {
  statement: {
    tenant_id: "T.UBL",
    card_id: "k-01h8x",
    card_digest: BLAKE3,
    round: 1,
    plan_digest: BLAKE3,
    decision: "approve",
    approver: "ubl:sid:person:admin",
    office_id: "office::default",
    nonce: "AAAAAAAAAAAAAAAAAAAAAA",
    not_after: 1735320000000,
  },
};

export const ATTESTATION_EXAMPLE = {
  tenant_id: "T.UBL",
  attestation: {
    payloadType: "application/vnd.in-toto+json",
    payload: Buffer.from(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ name: "k-01h8x", digest: { blake3: BLAKE3 } }],
        predicateType: "https://slsa.dev/verification_summary/v1",
        predicate: { verificationResult: "PASSED" },
      }),
    ).toString("base64"),
    signatures: [{ keyid: "9c1185a5c5e9fc54", sig: "c2lnbmVk" }],
  },
};

export const RECEIPT_EXAMPLE = {
  tenant_id: "T.UBL",
  jobId: "job-hello-1",
  jti: JTI,
  jobType: "git.registry.push",
  project_id: "P.demo",
  status: "success",
  finished_at: 1735320000001,
  logs_hash: BLAKE3,
  logs_key: `artifacts/T.UBL/P.demo/_/${JTI}/${BLAKE3}.jsonl`,
  artifacts: ['{"branch":"feature/hello","commit":"abc"}'],
  usage: { wall_ms: 1234, staged_bytes: 512, stored_bytes: 400 },
  error: "",
  envelope_digest: BLAKE3,
  policy_hash: POLICY,
  refs: [],
  actor_id: "ubl:sid:person:admin",
  person_id: "person:admin",
  charter_version: 1,
  previous_act: null,
  kid: "9c1185a5c5e9fc54",
  sig: "base64",
};

export const CHARTER_ENTRY_EXAMPLE = {
  tenant_id: "T.UBL",
  version: 2,
  previous: BLAKE3,
  state_hash: BLAKE3,
  change: {
    jobType: "registry.members.change",
    params: {
      persons: { "person:bob": { name: "Bob", emails: ["bob@ubl.example"], passkeys: [], disabled: true } },
      actors: {},
    },
  },
  rules: 1,
  authority: { kind: "founding", kid: "9c1185a5c5e9fc54", sig: "base64" },
};

export const RECOVERY_REQUEST_EXAMPLE = {
  kind: "announce",
  tenant_id: "T.UBL",
  after: BLAKE3,
  change: CHARTER_ENTRY_EXAMPLE.change,
  signatures: [
    { kid: "9c1185a5c5e9fc54", sig: "base64" },
    { kid: "fa14991b59bf2091", sig: "base64" },
  ],
};
