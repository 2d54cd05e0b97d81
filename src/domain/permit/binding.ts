import { hashSubject } from "../act/job.js";
import { type Jwks, verifySignedObject } from "../bytes/signature.js";
import { denyWith, grantValue, type Outcome } from "../denial.js";
import type { Target } from "../ids.js";
import type { CommandEnvelope } from "./envelope.js";
import { toAudience } from "./permit.js";

/**
 * Checks that one of `keys` signed the permit, and that the permit is for this envelope and for `target`. Each plane checks this itself.
 * Source: contracts "The Runner trusts nothing it did not check itself".
 */
export function checkBinding(envelope: CommandEnvelope, keys: Jwks, target: Target): Outcome<null> {
  const { permit } = envelope;
  const verdict = verifySignedObject("permit", permit, keys);
  if (verdict === "key_unknown")
    return denyWith("permit_key_unknown", `The permit is signed by the key ${permit.kid}, which is not trusted here.`);
  if (verdict === "signature_invalid") return denyWith("permit_signature_invalid", "The permit's signature does not verify.");
  const differing = findDifferingMember(envelope);
  if (differing !== undefined) return denyWith("permit_mismatch", `Envelope and permit differ in \`${differing}\`.`);
  if (permit.aud !== toAudience(target) || envelope.target !== target)
    return denyWith("wrong_target", `The permit is for ${permit.aud}, the command for ${envelope.target}; both must be for ${target}.`);
  return grantValue(null);
}

/** Checks that envelope and permit commit to these params. */
export function checkSubject({ params, subject_hash, permit }: CommandEnvelope): Outcome<null> {
  const actual = hashSubject(params);
  if (actual === subject_hash && actual === permit.scopes.subject_hash) return grantValue(null);
  return denyWith("subject_hash_mismatch", `The params hash to ${actual}; the permit is for ${permit.scopes.subject_hash}.`);
}

/** Finds the first member that envelope and permit share and in which they differ. */
function findDifferingMember(envelope: CommandEnvelope): string | undefined {
  const { jti, scopes } = envelope.permit;
  const bound = { jti, ...scopes };
  const shared = ["jti", "tenant_id", "jobType", "target", "subject_hash", "policy_hash", "office_id"] as const;
  return shared.find((member) => envelope[member] !== bound[member]);
}
