import { z } from "zod";
import { blake3Schema, jtiSchema, NO_PROJECT } from "../ids.js";
import { charterKeySchema } from "./keys.js";
import { actorsSchema, charterTenantsSchema, keysSchema, personsSchema, relyingPartiesSchema } from "./records.js";

/** The changes of a charter. Source: contracts "Levels", "Charter". */
const CHANGES = {
  /** Version 1: the complete first state. */
  "registry.charter.found": z.strictObject({
    policy_hash: blake3Schema,
    persons: personsSchema,
    actors: actorsSchema,
    keys: keysSchema,
    relying_parties: relyingPartiesSchema,
    tenants: charterTenantsSchema,
    policy_codes: z.array(blake3Schema).max(1000),
  }),
  "registry.policy.publish": z.strictObject({ policy_hash: blake3Schema }),
  "registry.keys.rotate": z.strictObject({
    add: z.array(charterKeySchema).max(100),
    revoke: z.array(z.string().min(1).max(64)).max(100),
  }),
  /** Every record in full, as it is after the change, so that a card shows all passkeys and addresses of a person. */
  "registry.members.change": z.strictObject({ persons: personsSchema, actors: actorsSchema }),
  "registry.charter.seal": z.strictObject({}),
  /** Changes no record. A Runner appends it so that no late write of an earlier attempt can carry out an act that it records as ended. */
  "registry.charter.end_act": z.strictObject({ jti: jtiSchema }),
} as const;
export type ChangeType = keyof typeof CHANGES;
export type ChangeParams<T extends ChangeType> = z.infer<(typeof CHANGES)[T]>;

const buildChangeSchema = <T extends ChangeType>(jobType: T) =>
  z.strictObject({ jobType: z.literal(jobType), params: CHANGES[jobType] as (typeof CHANGES)[T] });

export const charterChangeSchema = z.discriminatedUnion(
  "jobType",
  [
    buildChangeSchema("registry.charter.found"),
    buildChangeSchema("registry.policy.publish"),
    buildChangeSchema("registry.keys.rotate"),
    buildChangeSchema("registry.members.change"),
    buildChangeSchema("registry.charter.seal"),
    buildChangeSchema("registry.charter.end_act"),
  ],
  "This is not a known change of a charter.",
);
export type CharterChange = z.infer<typeof charterChangeSchema>;

/** The changes that are acts, with card, plan and receipt. They concern no project. */
export const CHARTER_JOB_TYPES = [
  "registry.policy.publish",
  "registry.keys.rotate",
  "registry.members.change",
  "registry.charter.seal",
] as const;
export type CharterJobType = (typeof CHARTER_JOB_TYPES)[number];

const concernsNoProject = { project_id: z.literal(NO_PROJECT, `Write \`${NO_PROJECT}\`: the act concerns no project.`) };

/** The params of the acts that change a charter: those of the change, and the id that stands for no project. */
export const charterJobParams = {
  "registry.policy.publish": CHANGES["registry.policy.publish"].extend(concernsNoProject),
  "registry.keys.rotate": CHANGES["registry.keys.rotate"].extend(concernsNoProject),
  "registry.members.change": CHANGES["registry.members.change"].extend(concernsNoProject),
  "registry.charter.seal": CHANGES["registry.charter.seal"].extend(concernsNoProject),
};

export function isCharterJobType(jobType: string): jobType is CharterJobType {
  return (CHARTER_JOB_TYPES as readonly string[]).includes(jobType);
}
