import { z } from "zod";
import { toCanonicalText } from "../bytes/canonical.js";
import { ATTESTATION_PAYLOAD_TYPE, IN_TOTO_STATEMENT } from "../card/attestation.js";
import { signedStatementSchema } from "../card/statement.js";
import { gitIdSchema } from "../git/git-id.js";
import { toBranchRef } from "../git/ref-name.js";
import {
  actorIdSchema,
  blake3Schema,
  cardIdSchema,
  jtiSchema,
  officeIdSchema,
  projectIdSchema,
  targetSchema,
  tenantIdSchema,
} from "../ids.js";
import { LEVELS } from "../level.js";
import { permitSchema } from "../permit/permit.js";
import type { Receipt } from "../permit/receipt.js";
import { toRepoPrefix } from "../storage-key.js";
import { breakGlassSchema } from "./break-glass.js";
import { type JobType, MERGE_STRATEGIES } from "./job.js";

/** The predicate type of a Pact. Source: in-toto attestation framework v1, "Predicate". */
export const PACT_PREDICATE = "urn:ubl:registry:pact:merge:v1";

const branchAtSchema = z.strictObject({ branch: z.string(), commit: gitIdSchema });

/**
 * A Pact records a merge, the decision, policy and plan behind it, and the Runner that performed it. `merge.target.commit` is the
 * target's commit before the merge, zeros if it was absent. Permit and approvals are complete, so that each can be verified by itself.
 * Nothing in it depends on the time of writing. Source: ADR-002 §6, "merge em main/release/* com Pact/attestation".
 */
const pactPredicateSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  project_id: projectIdSchema,
  jti: jtiSchema,
  merge: z.strictObject({
    strategy: z.enum(MERGE_STRATEGIES),
    source: branchAtSchema,
    target: branchAtSchema,
    commit: gitIdSchema,
    tree: gitIdSchema,
    parents: z.array(gitIdSchema),
  }),
  decision: z.strictObject({
    card_id: cardIdSchema.nullable(),
    plan_digest: blake3Schema.nullable(),
    policy_hash: blake3Schema,
    level: z.enum(LEVELS),
    break_glass: breakGlassSchema.optional(),
    solo: z.literal(true).optional(),
    proposed_by: z.strictObject({ actor_id: actorIdSchema, office_id: officeIdSchema }),
    approvals: z.array(signedStatementSchema),
  }),
  permit: permitSchema,
  runner: z.strictObject({ target: targetSchema, keyid: z.string().min(1).max(64) }),
});
export type PactPredicate = z.infer<typeof pactPredicateSchema>;

/** An in-toto Statement v1 about the commit that the merge created. */
export const pactSchema = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ gitCommit: gitIdSchema }) })).length(1),
  predicateType: z.literal(PACT_PREDICATE),
  predicate: pactPredicateSchema,
});
export type Pact = z.infer<typeof pactSchema>;

/** Builds the Pact of a merge. Its only subject is the target branch of the project's repository, identified by the commit. */
export function buildPact(predicate: PactPredicate): Pact {
  return { _type: IN_TOTO_STATEMENT, subject: [toPactSubject(predicate)], predicateType: PACT_PREDICATE, predicate };
}

export function toPactSubject({ tenant_id, project_id, merge }: PactPredicate): Pact["subject"][number] {
  return {
    name: `s3://${toRepoPrefix(tenant_id, project_id)}#${toBranchRef(merge.target.branch)}`,
    digest: { gitCommit: merge.commit },
  };
}

/** A DSSE v1 envelope around a Pact. Its limit is higher than that of attestations, because a Pact holds every approval. */
export const pactEnvelopeSchema = z.strictObject({
  payloadType: z.literal(ATTESTATION_PAYLOAD_TYPE, `Write ${ATTESTATION_PAYLOAD_TYPE}.`),
  payload: z.base64("Write padded base64 (RFC 4648 §4).").max(16 * 1024 * 1024),
  signatures: z.array(z.strictObject({ keyid: z.string().min(1).max(64), sig: z.string().min(1).max(200) })).length(1),
});
export type PactEnvelope = z.infer<typeof pactEnvelopeSchema>;

/** Signs evidence. `sign` returns the signature of a DSSE v1 envelope in base64. */
export interface EvidenceSigner {
  readonly keyid: string;
  sign(payloadType: string, body: Uint8Array): string;
}

/** Signs a Pact into its DSSE envelope. The payload is its canonical JSON (RFC 8785), so that a retry signs the same bytes. */
export function sealPact(pact: Pact, signer: EvidenceSigner): PactEnvelope {
  const body = Buffer.from(toCanonicalText(pact), "utf8");
  return {
    payloadType: ATTESTATION_PAYLOAD_TYPE,
    payload: body.toString("base64"),
    signatures: [{ keyid: signer.keyid, sig: signer.sign(ATTESTATION_PAYLOAD_TYPE, body) }],
  };
}

/** Returns the bytes of a Pact as they are stored and as the receipt names them: canonical JSON (RFC 8785) and one line feed. */
export function toPactBytes(envelope: PactEnvelope): Uint8Array {
  return Buffer.from(`${toCanonicalText(envelope)}\n`, "utf8");
}

const pactArtifactSchema = z.strictObject({ pact: z.string(), blake3: blake3Schema });

/** Returns the Pact's key in the object store and the BLAKE3 of its bytes, from the merge's receipt. */
export function findPactArtifact({
  jobType,
  artifacts,
}: Pick<Receipt, "jobType" | "artifacts">): { key: string; blake3: string } | undefined {
  if (jobType !== ("git.registry.merge_protected" satisfies JobType)) return undefined;
  for (const artifact of artifacts) {
    const parsed = pactArtifactSchema.safeParse(JSON.parse(artifact));
    if (parsed.success) return { key: parsed.data.pact, blake3: parsed.data.blake3 };
  }
  return undefined;
}
