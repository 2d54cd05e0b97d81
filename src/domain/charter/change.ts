import { z } from "zod";
import { blake3Schema } from "../ids.js";
import { charterKeySchema } from "./keys.js";
import { actorsSchema, charterTenantsSchema, keysSchema, personsSchema, relyingPartiesSchema } from "./records.js";

/** The changes of a charter. Each except the first is an act of its own. Source: contracts "Levels", "Charter". */
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
  ],
  "This is not a known change of a charter.",
);
export type CharterChange = z.infer<typeof charterChangeSchema>;
