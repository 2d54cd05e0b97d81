import { jsonArrayFrom } from "kysely/helpers/postgres";
import { type ActorKind, parseActorKind } from "../../domain/ids.js";
import type { Db } from "../database/database.js";
import { isHeld, type Membership } from "./memberships.js";

/**
 * A person's account, an agent or an app in one tenant. `person_id` is the person whose account it is, or who is responsible for the agent or
 * app; null only for the registry's own services.
 */
export interface Actor {
  readonly tenant_id: string;
  readonly actor_id: string;
  readonly kind: ActorKind;
  readonly person_id: string | null;
  readonly display_name: string;
  readonly disabled: boolean;
  readonly offices: readonly Membership[];
}

/** Adds one of the registry's own services, for which no person is responsible. Returns false if the tenant already has it. */
export async function createServiceActor(
  db: Db,
  service: { readonly tenant_id: string; readonly actor_id: string; readonly display_name: string },
): Promise<boolean> {
  const row = await db
    .insertInto("actors")
    .values({ ...service, person_id: null })
    .onConflict((conflict) => conflict.doNothing())
    .returning("actor_id")
    .executeTakeFirst();
  return row !== undefined;
}

/** Finds an actor with its offices, disabled or not. Returns undefined if the tenant does not have it. */
export async function findActor(db: Db, tenantId: string, actorId: string): Promise<Actor | undefined> {
  const row = await selectActors(db).where("actors.tenant_id", "=", tenantId).where("actors.actor_id", "=", actorId).executeTakeFirst();
  return row && toActor(row);
}

/** A page of a list ordered by name. The next page starts after `next`, which is null at the end. */
export interface NamedPage<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface ActorsQuery {
  readonly tenant_id: string;
  /** Only actors that hold this office. */
  readonly office_id?: string | undefined;
  /** The page size. The caller bounds it. */
  readonly limit: number;
  /** Only ids after this one. */
  readonly after?: string | undefined;
}

/** Lists a tenant's actors by id, including disabled ones. */
export async function listActors(db: Db, { tenant_id, office_id, limit, after }: ActorsQuery): Promise<NamedPage<Actor>> {
  let select = selectActors(db).where("actors.tenant_id", "=", tenant_id);
  if (office_id !== undefined)
    select = select.where((eb) =>
      eb.exists(
        eb
          .selectFrom("memberships as held")
          .select("held.office_id")
          .whereRef("held.tenant_id", "=", "actors.tenant_id")
          .whereRef("held.actor_id", "=", "actors.actor_id")
          .where("held.office_id", "=", office_id),
      ),
    );
  if (after !== undefined) select = select.where("actors.actor_id", ">", after);
  const rows = await select
    .orderBy("actors.actor_id")
    .limit(limit + 1)
    .execute();
  const shown = rows.slice(0, limit);
  return { items: shown.map(toActor), next: rows.length > limit ? (shown.at(-1)?.actor_id ?? null) : null };
}

function selectActors(db: Db) {
  return db
    .selectFrom("actors")
    .selectAll("actors")
    .select((eb) =>
      jsonArrayFrom(
        eb
          .selectFrom("memberships")
          .select(["memberships.office_id", "memberships.roles"])
          .whereRef("memberships.tenant_id", "=", "actors.tenant_id")
          .whereRef("memberships.actor_id", "=", "actors.actor_id")
          .where(isHeld)
          .orderBy("memberships.office_id"),
      ).as("offices"),
    );
}

function toActor(row: Omit<Actor, "kind" | "disabled"> & { disabled_at: Date | null; offices: Membership[] }): Actor {
  const { tenant_id, actor_id, person_id, display_name, offices } = row;
  return { tenant_id, actor_id, kind: parseActorKind(actor_id), person_id, display_name, disabled: row.disabled_at !== null, offices };
}
