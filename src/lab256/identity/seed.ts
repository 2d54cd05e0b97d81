import { z } from "zod";
import { actorIdSchema, officeIdSchema, targetSchema, tenantIdSchema, timeMsSchema } from "../../domain/ids.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { TRANSPORTS } from "../database/tables/identity.js";
import { createActor } from "./actors.js";
import { addVerifiedEmail } from "./emails.js";
import { putMembership } from "./memberships.js";
import { addRunnerKey } from "./runner-keys.js";
import { createTenant } from "./tenants.js";
import { checkTokenShape } from "./token-text.js";
import { storeToken } from "./tokens.js";

const personIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,94}$/, "Write a person id such as `person:admin`.");

/** Its text comes from `newToken` and is kept by whoever seeds. `expires_at_ms` in milliseconds since 1970; null never. */
const seedTokenSchema = z.strictObject({
  name: z.string().min(1).max(100),
  token: z.string().refine((text) => checkTokenShape(text) === "well_formed", "Make the token with `newToken`."),
  expires_at_ms: timeMsSchema.nullable().default(null),
  runner_target: targetSchema.nullable().default(null),
});

const seedActorSchema = z
  .strictObject({
    actor_id: actorIdSchema.refine(
      (id) => !isServiceActor(id),
      "This is a service of the registry itself, which makes it; take another id.",
    ),
    person_id: personIdSchema.nullable().default(null),
    display_name: z.string().min(1).max(200),
    /** Verified addresses of the person. */
    emails: z.array(z.email().max(254)).max(100).default([]),
    offices: z
      .array(z.strictObject({ office_id: officeIdSchema, roles: z.array(z.string().min(1).max(64)).max(100).default([]) }))
      .default([]),
    tokens: z.array(seedTokenSchema).default([]),
  })
  .refine((actor) => actor.emails.length === 0 || actor.person_id !== null, {
    path: ["emails"],
    message: "Only a person has addresses; give a person_id.",
  });

/** A tenant and who is in it from the start. */
export const tenantSeedSchema = z.strictObject({
  tenant_id: tenantIdSchema,
  transport: z.enum(TRANSPORTS, "Write `temporal` or `pull`.").default("temporal"),
  actors: z.array(seedActorSchema).default([]),
  runner_keys: z
    .array(
      z.strictObject({
        target: targetSchema,
        jwk: z.strictObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), kid: z.string() }),
      }),
    )
    .default([]),
});
export type TenantSeed = z.input<typeof tenantSeedSchema>;

/**
 * Adds what of the seed is absent, and changes nothing that is there: an actor that is there keeps the offices it has now, and stays
 * disabled where it is; a token stays revoked. Call it in a transaction. @throws ZodError naming every bad field of the seed.
 */
export async function seedTenant(db: Db, seed: TenantSeed, nowMs: number): Promise<void> {
  const { tenant_id, transport, actors, runner_keys } = tenantSeedSchema.parse(seed);
  await createTenant(db, { tenant_id, transport });
  for (const { actor_id, person_id, display_name, emails, offices, tokens } of actors) {
    const isNew = await createActor(db, { tenant_id, actor_id, person_id, display_name });
    // An office taken from an actor that was seeded before must not come back with the next start.
    if (isNew) for (const office of offices) await putMembership(db, tenant_id, actor_id, office);
    if (person_id !== null) for (const email of emails) await addVerifiedEmail(db, person_id, email, nowMs);
    for (const { token, ...entry } of tokens) await storeToken(db, { tenant_id, actor_id, ...entry }, token);
  }
  for (const { target, jwk } of runner_keys) await addRunnerKey(db, tenant_id, target, jwk);
}
