/** Where everything lies in the object store. The first segment is the bucket. Source: ADR-002 §5, contracts "Storage". */

export const repoPrefix = (tenant: string, project: string) => `repos/${tenant}/${project}.git`;

export const projectKey = (tenant: string, project: string) => `registry-metadata/${tenant}/projects/${project}/project.json`;
export const projectIndexKey = (tenant: string, project: string) => `registry-metadata/${tenant}/projects/${project}/index.json`;

const releasePrefix = (tenant: string, project: string, tag: string) => `registry-metadata/${tenant}/releases/${project}/${tag}`;
export const releaseManifestKey = (tenant: string, project: string, tag: string) => `${releasePrefix(tenant, project, tag)}/manifest.json`;
export const releaseNotesKey = (tenant: string, project: string, tag: string) => `${releasePrefix(tenant, project, tag)}/notes.md`;

/** `commit` is `_` for an act that made none. */
export const artifactKey = (tenant: string, project: string, commit: string, name: string) =>
  `artifacts/${tenant}/${project}/${commit}/${name}`;
/** Named by its own BLAKE3, so that a retry's log never meets another attempt's. */
export const runnerLogKey = (tenant: string, project: string, commit: string, jti: string, logsHash: string) =>
  artifactKey(tenant, project, commit, `${jti}/${logsHash}.log`);

/** The signed account of a merge, beside the commit that the target points to since. */
export const pactKey = (tenant: string, project: string, commit: string, jti: string) =>
  artifactKey(tenant, project, commit, `${jti}/pact.dsse.json`);

/** What the branches and tags were that a reset deleted, as the JSON of which its `expected_refs` is the hash. */
export const resetRefsKey = (tenant: string, project: string, jti: string) => artifactKey(tenant, project, "_", `${jti}/refs.json`);

export const stagingKey = (tenant: string, blake3: string) => `staging/${tenant}/${blake3}`;
export const claimKey = (tenant: string, jti: string) => `claims/${tenant}/${jti}`;
export const receiptKey = (tenant: string, jti: string) => `receipts/${tenant}/${jti}`;
export const refusalKey = (tenant: string, envelopeDigest: string) => `refusals/${tenant}/${envelopeDigest}`;

export const policyBytesKey = (tenant: string, policyHash: string) => `policies/${tenant}/${policyHash}.wasm`;
export const activePolicyKey = (tenant: string) => `policies/${tenant}/active.json`;

/** `seq` is padded so that a listing is in order. */
export const anchorKey = (tenant: string, seq: number) => `anchors/${tenant}/${String(seq).padStart(12, "0")}.json`;
