import { randomUUID } from "node:crypto";
import { readSigningKey } from "../../src/configuration/keys.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import { toClaimKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import type { TestRegistry } from "../harness/registry.js";
import { PROJECT } from "./acts-setup.js";

const DIGEST = "e".repeat(64);

/** Permits whose `exp` was an hour ago. The first two are unused. The third was used without a flow and has an error receipt. */
export interface OverduePermits {
  readonly unused: readonly [string, string];
  readonly acted: string;
}

export async function issueOverduePermits(registry: TestRegistry): Promise<OverduePermits> {
  const permits = [signOverduePermit(registry), signOverduePermit(registry), signOverduePermit(registry)] as const;
  const [first, second, third] = permits;
  await storeClaimAndReceipt(registry, third);
  const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
  try {
    const actor_id = third.scopes.actor_id;
    const events = permits.map((permit): NewEvent => {
      return { type: "permit.issued", key: `permit.issued/${permit.jti}`, payload: { permit, card_id: null, actor_id, intent: "A test" } };
    });
    await appendEvents(db, DEMO_TENANT, events, third.iat);
  } finally {
    await db.destroy();
  }
  return { unused: [first.jti, second.jti], acted: third.jti };
}

function signOverduePermit({ founded }: TestRegistry): Permit {
  const iat = Date.now() - 3_600_000;
  const scopes = {
    ...({ tenant_id: DEMO_TENANT, jobType: "git.registry.push", target: "LAB_512", subject_hash: DIGEST, level: "L1" } as const),
    ...{ policy_hash: founded.policy_hash, charter_version: 1, actor_id: "ubl:sid:person:admin", office_id: "office::default" },
  };
  const unsigned = { aud: "runner:LAB_512", jti: randomUUID(), iat, exp: iat + 120_000, max_run_ms: 600_000, scopes } as const;
  return signObject("permit", unsigned, readSigningKey(founded.keys.permit));
}

async function storeClaimAndReceipt({ store, founded }: TestRegistry, { jti, iat, scopes }: Permit): Promise<void> {
  const held = {
    workflow_id: "w",
    run_id: "r",
    activity_id: "1",
    attempt: 1,
    nonce: "n",
    claimed_at: iat,
    charter_version: 1,
    statement_digests: [],
  };
  const about = { tenant_id: DEMO_TENANT, jti, envelope_digest: DIGEST };
  const claim = signObject("claim", { ...about, ...held }, readSigningKey(founded.keys.receipt));
  await store.blobs.create(toClaimKey(DEMO_TENANT, jti), toCanonicalBytes(claim));
  const receipt = {
    ...{ ...about, jobId: `job-${jti}`, jobType: scopes.jobType, project_id: PROJECT, policy_hash: scopes.policy_hash, finished_at: iat },
    ...{ status: "error", code: "ref_moved", error: "The branch moved.", refs: [], artifacts: [], logs_hash: DIGEST, logs_key: "log" },
    ...{ actor_id: scopes.actor_id, person_id: null, charter_version: 1, previous_act: null },
    usage: { wall_ms: 1, staged_bytes: 0, stored_bytes: 0 },
  };
  await store.blobs.create(
    toReceiptKey(DEMO_TENANT, jti),
    toCanonicalBytes(signObject("receipt", receipt, readSigningKey(founded.keys.receipt))),
  );
}
