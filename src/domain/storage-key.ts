/** The keys of the object store. The first segment is the bucket. Source: ADR-002 §5, contracts "Storage". */

export const toRepoPrefix = (tenant: string, project: string) => `repos/${tenant}/${project}.git`;

export const toProjectKey = (tenant: string, project: string) => `registry-metadata/${tenant}/projects/${project}/project.json`;
export const toProjectIndexKey = (tenant: string, project: string) => `registry-metadata/${tenant}/projects/${project}/index.json`;

/** Names the project that has this id in any spelling. */
export const toProjectNameKey = (tenant: string, project: string) =>
  `registry-metadata/${tenant}/project-names/${project.toLowerCase()}.json`;

/** The summary of a project's pushes that ends with the act `jti`. */
export const toPushSummaryKey = (tenant: string, project: string, jti: string) =>
  `registry-metadata/${tenant}/pushes/${project}/${jti}.json`;

const toReleasePrefix = (tenant: string, project: string, tag: string) => `registry-metadata/${tenant}/releases/${project}/${tag}`;
export const toReleaseManifestKey = (tenant: string, project: string, tag: string) =>
  `${toReleasePrefix(tenant, project, tag)}/manifest.json`;
export const toReleaseNotesKey = (tenant: string, project: string, tag: string) => `${toReleasePrefix(tenant, project, tag)}/notes.md`;

/** `commit` is `_` for an act that creates none. */
export const toArtifactKey = (tenant: string, project: string, commit: string, name: string) =>
  `artifacts/${tenant}/${project}/${commit}/${name}`;
/** Named by its BLAKE3, so that the logs of two attempts never collide. */
export const toRunnerLogKey = (tenant: string, project: string, commit: string, jti: string, logsHash: string) =>
  toArtifactKey(tenant, project, commit, `${jti}/${logsHash}.jsonl`);

/** The signed Pact of a merge, next to the merged commit's other artifacts. */
export const toPactKey = (tenant: string, project: string, commit: string, jti: string) =>
  toArtifactKey(tenant, project, commit, `${jti}/pact.dsse.json`);

/** The refs that a reset deleted, as the JSON whose hash is its `expected_refs`. */
export const toResetRefsKey = (tenant: string, project: string, jti: string) => toArtifactKey(tenant, project, "_", `${jti}/refs.json`);

export const toStagingKey = (tenant: string, blake3: string) => `staging/${tenant}/${blake3}`;
export const toClaimKey = (tenant: string, jti: string) => `claims/${tenant}/${jti}`;
export const toPermitEndKey = (tenant: string, jti: string) => `ends/${tenant}/${jti}`;
export const toReceiptKey = (tenant: string, jti: string) => `receipts/${tenant}/${jti}`;
export const toRefusalKey = (tenant: string, envelopeDigest: string) => `refusals/${tenant}/${envelopeDigest}`;

export const toPolicyBytesKey = (tenant: string, policyHash: string) => `policies/${tenant}/${policyHash}.wasm`;

/** One version of a tenant's charter. */
export const toCharterKey = (tenant: string, version: number) => `charter/${tenant}/${version}.json`;

/** The point from which a process that holds the key `kid` resumes its walk along a tenant's charter. */
export const toWalkPointKey = (tenant: string, kid: string) => `registry-metadata/${tenant}/charter/${kid}.json`;

/** `seq` is padded so that listings are in order. */
export const toAnchorKey = (tenant: string, seq: number) => `anchors/${tenant}/${String(seq).padStart(12, "0")}.json`;
