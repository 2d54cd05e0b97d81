import { z } from "zod";
import { actorIdSchema, officeIdSchema, parseActorKind, targetSchema, tenantIdSchema, timeMsSchema } from "../../domain/ids.js";
import { isServiceActor } from "../../domain/service-actor.js";
import type { Db } from "../database/database.js";
import { TRANSPORTS } from "../database/tables/identity.js";
import { findActor } from "./actors.js";
import { addRunnerKey } from "./runner-keys.js";
import { checkTokenShape } from "./token-text.js";
import { storeToken } from "./tokens.js";

const personIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,94}$/, "Write a person id such as `person:admin`.");

/**
 * A token whose text the seed's author generated with `createTokenText` and keeps. `expires_at_ms` is in milliseconds since 1970; null
 * never expires.
 */
const seedTokenSchema = z.strictObject({
  name: z.string().min(1).max(100),
  token: z.string().refine((text) => checkTokenShape(text) === "well_formed", "Generate the token with `createTokenText`."),
  expires_at_ms: timeMsSchema.nullable().default(null),
  runner_target: targetSchema.nullable().default(null),
});

const seedActorSchema = z
  .strictObject({
    actor_id: actorIdSchema.refine(
      (id) => !isServiceActor(id),
      "This id is reserved for one of the registry's own services; choose another one.",
    ),
    /** The person whose account it is, or who is responsible for the agent or app. */
    person_id: personIdSchema,
    display_name: z.string().min(1).max(200),
    /** Verified addresses of the person. */
    emails: z.array(z.email().max(254)).max(100).default([]),
    offices: z
      .array(z.strictObject({ office_id: officeIdSchema, roles: z.array(z.string().min(1).max(64)).max(100).default([]) }))
      .default([]),
    tokens: z.array(seedTokenSchema).default([]),
  })
  .refine((actor) => actor.emails.length === 0 || parseActorKind(actor.actor_id) === "person", {
    path: ["emails"],
    message: "Only a person's account has addresses.",
  });

/** A tenant and its first actors. */
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

/** Adds the tokens and keys that the seed names and the database lacks. An actor that the tenant's charter lacks gets no token. */
export async function seedAccess(db: Db, seed: TenantSeed): Promise<void> {
  const { tenant_id, actors, runner_keys } = tenantSeedSchema.parse(seed);
  for (const { actor_id, tokens } of actors) {
    if ((await findActor(db, tenant_id, actor_id)) === undefined) continue;
    for (const { token, ...entry } of tokens) await storeToken(db, { tenant_id, actor_id, ...entry }, token);
  }
  for (const { target, jwk } of runner_keys) await addRunnerKey(db, tenant_id, target, jwk);
}
