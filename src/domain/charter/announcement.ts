import { z } from "zod";
import { type SigningKey, signObject, verifySignedObject } from "../bytes/signature.js";
import { blake3Schema, tenantIdSchema } from "../ids.js";
import { announcedChangeSchema } from "./change.js";
import { entrySignatureShape } from "./founding.js";
import { RECOVERY_KEYS_MAX, type Recovery } from "./recovery.js";

export const announcementSignaturesSchema = z
  .array(z.strictObject(entrySignatureShape))
  .max(RECOVERY_KEYS_MAX, `At most ${RECOVERY_KEYS_MAX} signatures.`);

/**
 * A change that recovery keys announce. They sign all of it but `signatures`. `after` is the hash of the charter's newest entry about recovery,
 * so that a signature counts in one charter, and only until the next such entry.
 */
export const announcementSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  after: blake3Schema,
  change: announcedChangeSchema,
  signatures: announcementSignaturesSchema,
});
export type Announcement = z.infer<typeof announcementSchema>;

/** Adds the signature of a recovery key. */
export function signAnnouncement({ signatures, ...announced }: Announcement, key: SigningKey): Announcement {
  const { kid, sig } = signObject("recovery", announced, key);
  return { ...announced, signatures: [...signatures, { kid, sig }] };
}

/** Says why an announcement does not have the signatures that the recovery keys must give, undefined if it has them. */
export function findMissingSignatures({ signatures, ...announced }: Announcement, { jwks, threshold }: Recovery): string | undefined {
  const signers = new Set(signatures.map(({ kid }) => kid));
  if (signers.size < signatures.length) return "a recovery key signed it twice.";
  for (const { kid, sig } of signatures) {
    const verdict = verifySignedObject("recovery", { ...announced, kid, sig }, { keys: jwks });
    if (verdict === "key_unknown") return `${kid} is not a recovery key of this charter.`;
    if (verdict !== "valid") return `the signature of the recovery key ${kid} is not over this change, charter and state of recovery.`;
  }
  if (signers.size < threshold) return `${threshold} recovery keys must sign it, and ${signers.size} did.`;
  return undefined;
}
