import { type Jwks, verifySignedObject } from "../bytes/signature.js";
import { denyWith, grantValue, type Outcome } from "../denial.js";
import { parseJson } from "../json.js";
import { formatProblems, parseWith } from "../problems.js";
import { publicationSchema } from "./publication.js";

/** The hash of the tenant's active policy, verified from the bytes of its publication. */
export function verifyActivePolicyHash(tenantId: string, bytes: Uint8Array | undefined, foundingKeys: Jwks | undefined): Outcome<string> {
  if (bytes === undefined || foundingKeys === undefined)
    return denyWith("tenant_unknown", `No policy is published for ${tenantId}; an operator founds the tenant first.`);
  const parsed = parseWith(publicationSchema, parseJson(Buffer.from(bytes).toString("utf8")));
  if (!parsed.ok)
    return denyWith("policy_not_current", `The publication of ${tenantId}'s policy is malformed: ${formatProblems(parsed.problems)}`);
  const publication = parsed.value;
  if (publication.tenant_id !== tenantId)
    return denyWith("policy_not_current", `The publication belongs to ${publication.tenant_id}, not to ${tenantId}.`);
  const verdict = verifySignedObject("publication", publication, foundingKeys);
  if (verdict !== "valid")
    return denyWith("policy_not_current", `The publication of ${tenantId}'s policy is not signed by a founding key (${verdict}).`);
  return grantValue(publication.policy_hash);
}
