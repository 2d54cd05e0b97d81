import { z } from "zod";
import { publicJwkSchema } from "../bytes/jwks.js";
import { blake3Schema, tenantIdSchema } from "../ids.js";
import { actorsSchema, charterTenantsSchema, keysSchema, personsSchema, relyingPartiesSchema } from "./records.js";
import { recoverySchema } from "./recovery.js";

export const entrySignatureShape = { kid: z.string().min(1).max(64), sig: z.string().min(1).max(200) };

/** The tenant's founding key, until the charter is sealed. */
export const foundingAuthoritySchema = z.strictObject({ kind: z.literal("founding"), ...entrySignatureShape });

/** The params of version 1: the complete first state. `tenants` and `policy_codes` are the operator's alone. */
export const foundingParamsSchema = z.strictObject({
  policy_hash: blake3Schema,
  persons: personsSchema,
  actors: actorsSchema,
  keys: keysSchema,
  relying_parties: relyingPartiesSchema,
  tenants: charterTenantsSchema,
  policy_codes: z.array(blake3Schema).max(1000),
  recovery: recoverySchema.optional(),
});

/** The version 1 of a tenant's charter, as its founding key signed it. */
export const foundingEntrySchema = z.strictObject({
  tenant_id: tenantIdSchema,
  version: z.literal(1),
  previous: z.null(),
  state_hash: blake3Schema,
  change: z.strictObject({ jobType: z.literal("registry.charter.found"), params: foundingParamsSchema }),
  rules: z.int().positive(),
  authority: foundingAuthoritySchema,
});
export type FoundingEntry = z.infer<typeof foundingEntrySchema>;

/** The operator's tenant with the founding key of its charter. Every process pins it: the keys of all other tenants are in that charter. */
export const operatorSchema = z.strictObject({ tenant_id: tenantIdSchema, founding_jwk: publicJwkSchema });
export type Operator = z.infer<typeof operatorSchema>;

/** What a verifier keeps: a tenant's founding key, or the operator, whose charter has it. */
export const rootSchema = z.union([publicJwkSchema, operatorSchema]);
