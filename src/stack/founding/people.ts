import { join } from "node:path";
import { z } from "zod";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import { openDatabase } from "../../lab256/database/database.js";
import { migrateDatabase } from "../../lab256/database/migrate.js";
import { seedTenant, type TenantSeed } from "../../lab256/identity/seed.js";
import { createTokenText } from "../../lab256/identity/token-text.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";

const tokensSchema = z.record(z.string(), z.string());

/** An actor of a founded registry and its bearer token. */
export interface FoundedActor {
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly person_id: string;
  readonly display_name: string;
  readonly offices: readonly string[];
  readonly token: string;
}

/**
 * Returns every actor of the seeds with its own token. The tokens are kept in the data folder with mode 0600, so that they survive a
 * restart.
 */
export async function ensureActorTokens(dataDir: string, seeds: readonly TenantSeed[]): Promise<FoundedActor[]> {
  const path = join(dataDir, "tokens.json");
  const kept = tokensSchema.parse((await readJsonFile(path)) ?? {});
  const actors = seeds.flatMap(({ tenant_id, actors: members = [] }) =>
    members.map((actor): FoundedActor => {
      const { actor_id, display_name, person_id, offices = [] } = actor;
      const token = kept[`${tenant_id} ${actor_id}`] ?? createTokenText();
      return { tenant_id, actor_id, person_id, display_name, offices: offices.map((office) => office.office_id), token };
    }),
  );
  await writePrivateJson(path, {
    ...kept,
    ...Object.fromEntries(actors.map((actor) => [`${actor.tenant_id} ${actor.actor_id}`, actor.token])),
  });
  return actors;
}

/**
 * Migrates the database and adds whatever the seeds name and it lacks: tenants, actors, offices, addresses, tokens and the Runner's key.
 */
export async function foundPeople(
  databaseUrl: string,
  seeds: readonly TenantSeed[],
  actors: readonly FoundedActor[],
  runnerKey: PublicJwk,
): Promise<void> {
  const db = openDatabase(databaseUrl, { maxConnections: 2 });
  try {
    await migrateDatabase(db);
    for (const seed of seeds) {
      const members = (seed.actors ?? []).map((actor) => {
        const token = actors.find((one) => one.tenant_id === seed.tenant_id && one.actor_id === actor.actor_id)?.token;
        return token === undefined ? actor : { ...actor, tokens: [...(actor.tokens ?? []), { name: "founding", token }] };
      });
      const runner_keys = [...(seed.runner_keys ?? []), { target: "LAB_512" as const, jwk: runnerKey }];
      await db.transaction().execute((trx) => seedTenant(trx, { ...seed, actors: members, runner_keys }, Date.now()));
    }
  } finally {
    await db.destroy();
  }
}
