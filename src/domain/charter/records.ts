import { z } from "zod";
import { BLAKE3_HEX } from "../bytes/hash.js";
import { publicJwkSchema } from "../bytes/jwks.js";
import { actorIdSchema, blake3Schema, officeIdSchema, tenantIdSchema } from "../ids.js";
import { webhookIdSchema, webhookSchema } from "../ledger/webhook.js";
import { LEVELS } from "../level.js";
import { allowanceSchema } from "../permit/allowlist.js";
import { buildNameSchema } from "../text.js";
import { charterKeySchema } from "./keys.js";
import { recoverySchema } from "./recovery.js";

const hasDistinctValues = (values: readonly string[]): boolean => new Set(values).size === values.length;

const buildBase64urlSchema = (maxBytes: number) =>
  z
    .string()
    .min(1, "Write base64url.")
    .max(Math.ceil((maxBytes * 4) / 3), `At most ${maxBytes} bytes.`)
    .refine((text) => Buffer.from(text, "base64url").toString("base64url") === text, "Write base64url without padding (RFC 4648 §5).");

export const personIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,94}$/, "Write a person id such as `person:ana`.");

/** A verified address in the form in which it is compared with the author lines of commits. */
const emailSchema = z
  .email("Write an e-mail address.")
  .max(254, "At most 254 characters.")
  .refine((email) => email === email.normalize("NFC").toLowerCase(), "Write the address in lower case and normal form C.");

/**
 * A passkey (WebAuthn Level 3). `public_key` is a COSE_Key, `registration` the authenticator's statement when it created the key.
 * Approvals with it count up to the level `counts_to`, that of the act that added it.
 */
export const passkeySchema = z.strictObject({
  credential_id: buildBase64urlSchema(1023),
  public_key: buildBase64urlSchema(2048),
  name: buildNameSchema("The name", 100),
  relying_party: z.string().min(1).max(253),
  registration: z
    .strictObject({ client_data_json: buildBase64urlSchema(8192), attestation_object: buildBase64urlSchema(65_536) })
    .nullable(),
  counts_to: z.enum(LEVELS),
});
export type Passkey = z.infer<typeof passkeySchema>;

/** A human. One person counts once, however many actors, offices and passkeys they have. */
const personSchema = z.strictObject({
  name: buildNameSchema("The name", 200),
  emails: z.array(emailSchema).max(100).refine(hasDistinctValues, "Write each address once."),
  passkeys: z
    .array(passkeySchema)
    .max(20, "A person can have at most 20 passkeys.")
    .refine((passkeys) => hasDistinctValues(passkeys.map(({ credential_id }) => credential_id)), "Write each passkey once."),
  disabled: z.boolean(),
});
export type Person = z.infer<typeof personSchema>;

/** A role that a person holds in an office, and that a policy can ask approvers for. */
export const roleSchema = buildNameSchema("The role", 64);

const membershipSchema = z.strictObject({
  office_id: officeIdSchema,
  roles: z.array(roleSchema).max(100).refine(hasDistinctValues, "Write each role once."),
  /** The office is held before this time, in milliseconds since 1970. */
  until: z.int().positive().optional(),
});

/** An account of a person, an agent or an app. `person_id` is the person to whom it belongs or who is responsible for it. */
const actorSchema = z.strictObject({
  person_id: personIdSchema,
  name: buildNameSchema("The name", 200),
  offices: z
    .array(membershipSchema)
    .max(100)
    .refine((offices) => hasDistinctValues(offices.map(({ office_id }) => office_id)), "Write each office once."),
  disabled: z.boolean(),
});
export type CharterActor = z.infer<typeof actorSchema>;

/** Text without spaces and line ends, since approvers read it among other lines. */
const buildAsciiSchema = (max: number) =>
  z
    .string()
    .max(max, `At most ${max} characters.`)
    .regex(/^[!-~]+$/, "Write visible ASCII characters without spaces.");

/** Where people sign in or approve. `ogr://approve` is the origin of the command line, which no web page can have. */
const relyingPartySchema = z.strictObject({
  origins: z.array(buildAsciiSchema(300)).min(1).max(20).refine(hasDistinctValues, "Write each origin once."),
  use: z.enum(["sign_in", "approve"], "Write `sign_in` or `approve`."),
});

/** A tenant in the operator's charter: its founding key, which never changes, and what a Runner may do for it. */
const charterTenantSchema = z.strictObject({ founding_jwk: publicJwkSchema, allowance: allowanceSchema });

/** The kinds of a charter's records. A record's key is its kind, or `kind/id` if there can be several. Source: contracts "Charter". */
const RECORDS = {
  policy: { id: undefined, value: z.strictObject({ policy_hash: blake3Schema }) },
  sealed: { id: undefined, value: z.strictObject({ sealed: z.literal(true) }) },
  /** Null once the keys were removed. */
  recovery: { id: undefined, value: recoverySchema.nullable() },
  person: { id: personIdSchema, value: personSchema },
  actor: { id: actorIdSchema, value: actorSchema },
  key: { id: z.string().min(1).max(64), value: charterKeySchema },
  relying_party: { id: buildAsciiSchema(253), value: relyingPartySchema },
  webhook: { id: webhookIdSchema, value: webhookSchema },
  tenant: { id: tenantIdSchema, value: charterTenantSchema },
  policy_code: { id: z.string().regex(BLAKE3_HEX, "Write a BLAKE3-256 digest."), value: z.strictObject({ listed: z.literal(true) }) },
} as const;
export type RecordKind = keyof typeof RECORDS;
export const RECORD_KINDS = Object.keys(RECORDS) as readonly RecordKind[];
export type RecordValue<K extends RecordKind = RecordKind> = z.infer<(typeof RECORDS)[K]["value"]>;

/** One record that a change writes. A charter's records are never deleted, only disabled or revoked. */
export type RecordWrite = { [K in RecordKind]: { readonly kind: K; readonly id?: string; readonly value: RecordValue<K> } }[RecordKind];

/** A record with its kind and id. */
export const recordSchema = z.discriminatedUnion(
  "kind",
  RECORD_KINDS.map((kind) => {
    const { id, value } = RECORDS[kind];
    return z.strictObject({ kind: z.literal(kind), ...(id === undefined ? {} : { id }), value });
  }) as unknown as [z.core.$ZodTypeDiscriminable],
) as unknown as z.ZodType<RecordWrite>;

export function toRecordKey(kind: RecordKind, id: string): string {
  return id === "" ? kind : `${kind}/${id}`;
}

/** Records by id, as a change carries them. */
export const personsSchema = z.record(personIdSchema, personSchema);
export const actorsSchema = z.record(actorIdSchema, actorSchema);
export const keysSchema = z.record(RECORDS.key.id, charterKeySchema);
export const relyingPartiesSchema = z.record(RECORDS.relying_party.id, relyingPartySchema);
export const webhooksSchema = z.record(webhookIdSchema, webhookSchema);
export const charterTenantsSchema = z.record(tenantIdSchema, charterTenantSchema);
