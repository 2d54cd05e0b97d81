import { join } from "node:path";
import { z } from "zod";
import { Charters } from "../../decision/charter/charters.js";
import type { PublicJwk } from "../../domain/bytes/signature.js";
import type { Operator } from "../../domain/charter/founding.js";
import { openDatabase } from "../../lab256/database/database.js";
import { migrateDatabase } from "../../lab256/database/migrate.js";
import { CharterRecorder } from "../../lab256/identity/charter-recorder.js";
import { seedAccess, type TenantSeed } from "../../lab256/identity/seed.js";
import { createTenant } from "../../lab256/identity/tenants.js";
import { createTokenText } from "../../lab256/identity/token-text.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";
import type { ObjectStore } from "../../storage/ports.js";

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

/** What the database of a founded registry gets besides the seeds. */
export interface PeopleOptions {
  readonly store: ObjectStore;
  readonly operator: Operator;
  readonly actors: readonly FoundedActor[];
  readonly runnerKey: PublicJwk;
}

/**
 * Migrates the database, projects the members of each tenant's charter, and adds the tenants, tokens and keys that the seeds name and it
 * lacks.
 *
 * @throws if a charter does not verify.
 */
export async function foundPeople(
  databaseUrl: string,
  seeds: readonly TenantSeed[],
  { store, operator, actors, runnerKey }: PeopleOptions,
): Promise<void> {
  const db = openDatabase(databaseUrl, { maxConnections: 2 });
  try {
    await migrateDatabase(db);
    const recorder = new CharterRecorder({ db, store, charters: new Charters(store, operator), now: Date.now });
    for (const { tenant_id, transport = "temporal" } of seeds) await createTenant(db, { tenant_id, transport });
    for (const seed of seeds) {
      const recorded = await recorder.record(seed.tenant_id);
      if (!recorded.ok) throw new Error(recorded.denial.message);
      const members = (seed.actors ?? []).map((actor) => {
        const token = actors.find((one) => one.tenant_id === seed.tenant_id && one.actor_id === actor.actor_id)?.token;
        return token === undefined ? actor : { ...actor, tokens: [...(actor.tokens ?? []), { name: "founding", token }] };
      });
      const runner_keys = [...(seed.runner_keys ?? []), { target: "LAB_512" as const, jwk: runnerKey }];
      await db.transaction().execute((trx) => seedAccess(trx, { ...seed, actors: members, runner_keys }));
    }
  } finally {
    await db.destroy();
  }
}
