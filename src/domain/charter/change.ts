import { z } from "zod";
import { publicJwkSchema } from "../bytes/jwks.js";
import { blake3Schema, jtiSchema, NO_PROJECT, tenantIdSchema } from "../ids.js";
import { allowanceSchema } from "../permit/allowlist.js";
import { foundingEntrySchema, foundingParamsSchema } from "./founding.js";
import { charterKeySchema } from "./keys.js";
import { actorsSchema, personsSchema, webhooksSchema } from "./records.js";
import { recoverySchema } from "./recovery.js";

/** The changes that recovery keys can announce. */
const ANNOUNCED_CHANGES = {
  /** They list no rules: the active ones or listed ones count. */
  "registry.policy.publish": z.strictObject({ policy_hash: blake3Schema }),
  "registry.keys.rotate": z.strictObject({
    add: z.array(charterKeySchema).max(100),
    revoke: z.array(z.string().min(1).max(64)).max(100),
    /** The recovery keys after the change, null to remove them. Whatever they are, it ends every announcement that waits. */
    recovery: recoverySchema.nullable().optional(),
  }),
  /** Every record in full, as it is after the change, so that a card shows all passkeys and addresses of a person. */
  "registry.members.change": z.strictObject({ persons: personsSchema, actors: actorsSchema }),
} as const;

/** Builds the schema of a change of one type out of the params of several. */
const buildChangeSchema = <C extends Readonly<Record<string, z.ZodType>>, T extends keyof C & string>(changes: C, jobType: T) =>
  z.strictObject({ jobType: z.literal(jobType), params: changes[jobType] as C[T] });

export const announcedChangeSchema = z.discriminatedUnion(
  "jobType",
  [
    buildChangeSchema(ANNOUNCED_CHANGES, "registry.policy.publish"),
    buildChangeSchema(ANNOUNCED_CHANGES, "registry.keys.rotate"),
    buildChangeSchema(ANNOUNCED_CHANGES, "registry.members.change"),
  ],
  "Recovery keys change members (`registry.members.change`), keys (`registry.keys.rotate`) or the policy (`registry.policy.publish`).",
);
export type AnnouncedChange = z.infer<typeof announcedChangeSchema>;

/** The changes of a charter. Source: contracts "Levels", "Charter". */
const CHANGES = {
  /** Version 1: the complete first state. */
  "registry.charter.found": foundingParamsSchema,
  ...ANNOUNCED_CHANGES,
  /** `rules` is the hash of the policy's rules, which every tenant can use from then on. Only the operator's charter can list new ones. */
  "registry.policy.publish": z.strictObject({ policy_hash: blake3Schema, rules: blake3Schema.optional() }),
  /** Every receiver in full, as it is after the change. */
  "registry.webhooks.change": z.strictObject({ webhooks: webhooksSchema }),
  "registry.charter.seal": z.strictObject({}),
  /** In the operator's charter: a new tenant with its signed version 1, or, without `entry`, another allowance of a known one. */
  "registry.tenant.found": z.strictObject({
    tenant_id: tenantIdSchema,
    founding_jwk: publicJwkSchema,
    allowance: allowanceSchema,
    entry: foundingEntrySchema.optional(),
  }),
  /** Changes no record. A Runner appends it so that no late write of an earlier attempt can carry out an act that it records as ended. */
  "registry.charter.end_act": z.strictObject({ jti: jtiSchema }),
  /** Changes no record. Recovery keys say what shall be changed once their delay has passed. */
  "registry.recovery.announce": z.strictObject({ change: announcedChangeSchema }),
} as const;
export type ChangeType = keyof typeof CHANGES;
export type ChangeParams<T extends ChangeType> = z.infer<(typeof CHANGES)[T]>;

export const charterChangeSchema = z.discriminatedUnion(
  "jobType",
  [
    buildChangeSchema(CHANGES, "registry.charter.found"),
    buildChangeSchema(CHANGES, "registry.policy.publish"),
    buildChangeSchema(CHANGES, "registry.keys.rotate"),
    buildChangeSchema(CHANGES, "registry.members.change"),
    buildChangeSchema(CHANGES, "registry.webhooks.change"),
    buildChangeSchema(CHANGES, "registry.charter.seal"),
    buildChangeSchema(CHANGES, "registry.tenant.found"),
    buildChangeSchema(CHANGES, "registry.charter.end_act"),
    buildChangeSchema(CHANGES, "registry.recovery.announce"),
  ],
  "This is not a known change of a charter.",
);
export type CharterChange = z.infer<typeof charterChangeSchema>;

/** The changes that are acts, with card, plan and receipt. They concern no project. */
export const CHARTER_JOB_TYPES = [
  "registry.policy.publish",
  "registry.keys.rotate",
  "registry.members.change",
  "registry.webhooks.change",
  "registry.charter.seal",
  "registry.tenant.found",
] as const;
export type CharterJobType = (typeof CHARTER_JOB_TYPES)[number];

const concernsNoProject = { project_id: z.literal(NO_PROJECT, `Write \`${NO_PROJECT}\`: the act concerns no project.`) };

/** The params of the acts that change a charter: those of the change, and the id that stands for no project. */
export const charterJobParams = {
  "registry.policy.publish": CHANGES["registry.policy.publish"].extend(concernsNoProject),
  "registry.keys.rotate": CHANGES["registry.keys.rotate"].extend(concernsNoProject),
  "registry.members.change": CHANGES["registry.members.change"].extend(concernsNoProject),
  "registry.webhooks.change": CHANGES["registry.webhooks.change"].extend(concernsNoProject),
  "registry.charter.seal": CHANGES["registry.charter.seal"].extend(concernsNoProject),
  "registry.tenant.found": CHANGES["registry.tenant.found"].extend(concernsNoProject),
};

export function isCharterJobType(jobType: string): jobType is CharterJobType {
  return (CHARTER_JOB_TYPES as readonly string[]).includes(jobType);
}
