import { z } from "zod";
import { publicJwkSchema } from "../bytes/jwks.js";
import { blake3Schema, jtiSchema, tenantIdSchema, timeMsSchema } from "../ids.js";
import { announcedChangeSchema } from "./change.js";
import { entrySignatureShape } from "./founding.js";
import { KEY_USES } from "./keys.js";
import { personIdSchema, recordSchema } from "./records.js";

/** Everything that a walk along a charter knows at one version. Source: contracts "Charter". */
const walkPointSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  founding_jwk: publicJwkSchema,
  /** The rules by which the walk applied changes. */
  rules: z.int().positive(),
  version: z.int().positive(),
  entry_hash: blake3Schema,
  state_hash: blake3Schema,
  /** The state's records, those of one kind in the order in which they were first written. */
  records: z.array(recordSchema),
  /** In which versions each key is valid: from `since` until before `revoked`. */
  keys: z.array(
    z.strictObject({
      use: z.enum(KEY_USES).exclude(["evidence"]),
      jwk: publicJwkSchema,
      since: z.int().positive(),
      revoked: z.int().positive().optional(),
    }),
  ),
  /** For whom each address was ever verified. */
  emails: z.array(z.strictObject({ email: z.string().min(1), person_ids: z.array(personIdSchema).min(1) })),
  /** The acts that changed the charter or were recorded as ended, with the version that did so. */
  acts: z.array(z.strictObject({ jti: jtiSchema, version: z.int().positive(), has_happened: z.boolean() })),
  /** Whether power was taken from a person who decides at L5 since the last entry of level L5. */
  has_taken_power: z.boolean(),
  /** The newest version of the operator's charter that an entry named; 0 if none did. */
  operator_version: z.int().nonnegative(),
  /** The newest entry about recovery, with the change that waits. */
  recovery: z
    .strictObject({
      version: z.int().positive(),
      entry_hash: blake3Schema,
      waiting: z
        .strictObject({
          version: z.int().positive(),
          change: announcedChangeSchema,
          announced_at_ms: timeMsSchema,
          completable_at_ms: timeMsSchema,
        })
        .nullable(),
    })
    .nullable(),
});
export type WalkPoint = z.infer<typeof walkPointSchema>;

/** A point as a process keeps it, signed by its own key. `release` is that of the software that checked the entries. */
export const signedPointSchema = z.strictObject({
  ...walkPointSchema.shape,
  release: z.string().min(1),
  ...entrySignatureShape,
});
export type SignedPoint = z.infer<typeof signedPointSchema>;
