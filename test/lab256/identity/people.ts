import { generateKeyPairSync } from "node:crypto";
import type { RelyingParty } from "../../../src/decision/assertion.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { parseSigningKey, type SigningKey } from "../../../src/domain/bytes/signature.js";
import type { Statement } from "../../../src/domain/card/statement.js";
import { type Db, type DbPool, openDatabase } from "../../../src/lab256/database/database.js";
import { migrateDatabase } from "../../../src/lab256/database/migrate.js";
import { createRegistrationOptions, registerPasskey } from "../../../src/lab256/identity/passkeys/passkey-registration.js";
import { listPasskeys } from "../../../src/lab256/identity/passkeys/passkeys.js";
import { createNonce } from "../../../src/lab256/identity/passkeys/statements.js";
import type { TenantSeed } from "../../../src/lab256/identity/seed.js";
import { createTokenText } from "../../../src/lab256/identity/token-text.js";
import type { Passkey } from "../../../src/passkey/authenticator.js";
import { createPasskey } from "../../../src/passkey/client.js";
import { createDatabase } from "../../harness/database.js";
import { disablePasskey } from "../../harness/identity.js";
import { seedTenant } from "./seed-tenant.js";

export const NOW_MS = Date.UTC(2026, 10, 22);
export const ORIGIN = "https://registry.example";
export const RP: RelyingParty = { id: "registry.example", origins: [ORIGIN] };
export const ADMIN = { actor_id: "ubl:sid:person:admin", person_id: "person:admin" };
export const MIRA = { actor_id: "ubl:sid:person:mira", person_id: "person:mira" };
export const CI = "ubl:sid:app:ci";

/** Mira is also an actor of the second tenant. The addresses are in mixed case. */
export const buildUblTenant = (token: string = createTokenText()): TenantSeed => ({
  tenant_id: "T.UBL",
  actors: [
    {
      ...ADMIN,
      display_name: "Admin",
      emails: ["Admin@Example.org"],
      offices: [
        { office_id: "office::default", roles: ["maintainer"] },
        { office_id: "office:security", roles: [] },
      ],
      tokens: [{ name: "laptop", token }],
    },
    { ...MIRA, display_name: "Mira", emails: ["mira@example.org"], offices: [{ office_id: "office::default", roles: [] }] },
    { actor_id: CI, person_id: ADMIN.person_id, display_name: "CI", offices: [{ office_id: "office::default", roles: [] }] },
  ],
});

export const other: TenantSeed = { tenant_id: "T.Other", actors: [{ ...MIRA, display_name: "Mira at Other" }] };

export interface People {
  readonly db: DbPool;
  readonly adminToken: string;
  close(): Promise<void>;
}

export async function openPeople(name: string): Promise<People> {
  const database = await createDatabase(name);
  const db = openDatabase(database.url, { maxConnections: 10 });
  await migrateDatabase(db);
  const adminToken = createTokenText();
  for (const seed of [buildUblTenant(adminToken), other]) await db.transaction().execute((trx) => seedTenant(trx, seed, NOW_MS));
  return {
    db,
    adminToken,
    async close() {
      await db.destroy();
      await database.drop();
    },
  };
}

/** Registers a software passkey as if it were the person's first, so that no other passkey has to vouch and no counter changes. */
export async function registerTestPasskey(db: Db, personId: string): Promise<Passkey> {
  const active = (await listPasskeys(db, "T.UBL", personId)).filter((entry) => !entry.disabled).map((entry) => entry.credential_id);
  for (const id of active) await disablePasskey(db, personId, id, NOW_MS);
  const rp = { ...RP, name: "Registry" };
  const options = await createRegistrationOptions(db, {
    tenant_id: "T.UBL",
    person_id: personId,
    userName: personId,
    displayName: personId,
    rp,
    attested: false,
    nowMs: NOW_MS,
  });
  const { passkey, response } = createPasskey(options, ORIGIN);
  const outcome = await registerPasskey(db, { tenant_id: "T.UBL", person_id: personId, name: "test", response, rp, nowMs: NOW_MS });
  if (!outcome.ok) throw new Error(outcome.denial.message);
  if (active.length > 0) await db.updateTable("passkeys").set({ disabled_at: null }).where("credential_id", "in", active).execute();
  return passkey;
}

export function createSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return parseSigningKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
}

export function buildStatement(members: Partial<Statement> = {}): Statement {
  return {
    tenant_id: "T.UBL",
    card_id: "k-release",
    card_digest: hashBlake3Hex(Buffer.from("card")),
    round: 1,
    plan_digest: hashBlake3Hex(Buffer.from("plan")),
    decision: "approve",
    approver: ADMIN.actor_id,
    office_id: "office::default",
    nonce: createNonce(),
    not_after: NOW_MS + 60_000,
    ...members,
  };
}
