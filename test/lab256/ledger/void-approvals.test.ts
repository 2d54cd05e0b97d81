import { describe, expect, it } from "vitest";
import { buildChangePlan } from "../../../src/decision/charter/act-authority.js";
import type { Plan } from "../../../src/domain/act/plan.js";
import { hashCanonical } from "../../../src/domain/bytes/canonical.js";
import { hashEntry } from "../../../src/domain/charter/entry.js";
import type { RefMove } from "../../../src/domain/git/ref-move.js";
import {
  CHARTER_EVENTS,
  type EventPayloads,
  type LedgerEntry,
  type NewEvent,
  toApprovalsVoidedKey,
} from "../../../src/domain/ledger/event.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { appendBatch } from "../../../src/lab256/ledger/append-batch.js";
import { listEntryChanges } from "../../../src/lab256/ledger/plan-change.js";
import { findCard } from "../../../src/lab256/ledger/queries/cards.js";
import { rebuildProjections } from "../../../src/lab256/ledger/rebuild-projections.js";
import { verifyProjections } from "../../../src/lab256/ledger/verify-projections.js";
import { findMovedGrounds } from "../../../src/lab256/ledger/void-approvals.js";
import { buildActor, buildFounding, CharterWriter, permitKey } from "../../decision/charter/charters.js";
import { createTestKey } from "../../domain/samples.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("void approvals");

const MAIN = "refs/heads/main";
const INFRA: Plan["basis"]["infra"] = { state: "enabled", context: "sandbox", telemetry_repo: null, is_registry: false };
const [A, B, C] = [event.toObjectId(1), event.toObjectId(2), event.toObjectId(3)];
const POLICY = "a".repeat(64);

let tenants = 0;
let acts = 0;

/** Appends to the ledger of a new tenant. */
function openTenant() {
  tenants += 1;
  const tenant = `T.Void${tenants}`;
  const append = (...events: NewEvent[]) => ledger.appendOrThrow(events, tenant);
  const move = (old: string, next: string, name = MAIN, project = "P.demo"): NewEvent => {
    acts += 1;
    const refs: RefMove[] = [{ name, old, new: next }];
    return event.buildReceiptRecorded(acts, refs, { project });
  };
  /** Opens cards on `main` at A, each with an approval unless it is named `…-bare`. */
  const wait = async (cards: readonly string[], rests: Partial<Plan["basis"]> = {}) => {
    for (const card of cards) {
      await append(event.buildCardOpened(card));
      await append(event.buildCardPlanned(card, 1, { refs: [{ name: MAIN, old: A, new: B }], policy_hash: POLICY, ...rests }));
      if (!card.endsWith("-bare")) await append(event.buildStated(card, 1, "approve", 1));
    }
  };
  const listVoided = async (): Promise<EventPayloads["card.approvals_voided"][]> => {
    const rows = await ledger.db
      .selectFrom("ledger_entries")
      .select("payload")
      .where("tenant_id", "=", tenant)
      .where("type", "=", "card.approvals_voided")
      .orderBy("seq")
      .execute();
    return rows.map(({ payload }) => payload as EventPayloads["card.approvals_voided"]);
  };
  const read = (card_id: string) => findCard(ledger.db, { tenant_id: tenant, card_id });
  return { tenant, append, move, wait, listVoided, read };
}

it("a recorded move of a ref voids, in its own transaction, the approvals of the plans that rest on the ref, and of no others", async () => {
  const { tenant, append, move, wait, listVoided, read } = openTenant();
  await wait(["k-main", "k-main-2", "k-bare"]);
  await wait(["k-other-ref"], { refs: [{ name: "refs/heads/feature/x", old: A, new: B }] });
  await wait(["k-other-id"], { refs: [{ name: MAIN, old: C, new: B }] });
  await wait(["k-other-project"], { project_id: "P.other" });
  await wait(["k-closed"]);
  await append(event.buildCardClosed("k-closed"));
  const rowsOf = async () =>
    (
      await ledger.db.selectFrom("ledger_entries").select(["seq", "type", "at_ms"]).where("tenant_id", "=", tenant).orderBy("seq").execute()
    ).slice(-3);
  await ledger.appendOrThrow([move(A, B)], tenant, 77);
  const [receipt, ...voided] = await rowsOf();
  expect([receipt?.type, ...voided.map(({ type }) => type)]).toEqual([
    "receipt.recorded",
    "card.approvals_voided",
    "card.approvals_voided",
  ]);
  expect(voided.map(({ seq, at_ms }) => [seq - (receipt?.seq ?? 0), at_ms])).toEqual([
    [1, 77],
    [2, 77],
  ]);
  expect(await listVoided()).toMatchObject([
    {
      card_id: "k-main",
      round: 1,
      plan_digest: hashCanonical(["k-main", 1]),
      why: expect.stringContaining(`${MAIN} of P.demo moved from ${A} to ${B}`),
    },
    { card_id: "k-main-2", approvals: [{ person_id: "person-1" }] },
  ]);
  const card = await read("k-main");
  expect(card).toMatchObject({ status: "awaiting_approval", round: 1, missing: [{ text: "1 more approval" }] });
  expect(card?.void_why).toContain("moved from");
  expect(card?.statements).toMatchObject([{ void_why: card?.void_why }]);
  for (const kept of ["k-other-ref", "k-other-id", "k-other-project", "k-bare"])
    expect(await read(kept), kept).toMatchObject({ void_why: null });
  for (const kept of ["k-other-ref", "k-other-id", "k-other-project"])
    expect((await read(kept))?.statements, kept).toMatchObject([{ void_why: null }]);
});

it("nothing of a transaction that does not commit is voided", async () => {
  const { tenant, move, wait, listVoided, read } = openTenant();
  await wait(["k-1"]);
  const failed = ledger.db.transaction().execute(async (trx) => {
    const [outcome] = await appendBatch(trx, tenant, [{ events: [move(A, B)], atMs: 1 }]);
    expect(outcome).toMatchObject({ ok: true, voided: ["k-1"] });
    throw new Error("The database is lost.");
  });
  await expect(failed).rejects.toThrow("The database is lost.");
  expect([await listVoided(), await read("k-1")]).toMatchObject([[], { void_why: null }]);
});

it("an attestation alone is voided too", async () => {
  const { append, move, wait, listVoided, read } = openTenant();
  await wait(["k-bare"]);
  await append(event.buildAttested("k-bare", 1, 7));
  await append(move(A, B));
  expect(await listVoided()).toMatchObject([{ card_id: "k-bare", approvals: [] }]);
  expect((await read("k-bare"))?.attestations).toMatchObject([{ void_why: expect.stringContaining("moved from") }]);
});

it("a move to where the plan has the ref, or recorded before the plan, voids nothing", async () => {
  const { append, move, wait, listVoided, read } = openTenant();
  await append(move(event.toObjectId(9), A), move(A, event.toObjectId(8)), move(event.toObjectId(8), A));
  await wait(["k-1"]);
  await append(move(C, A));
  expect([await listVoided(), await read("k-1")]).toMatchObject([[], { void_why: null, statements: [{ void_why: null }] }]);
});

it("a move in the same transaction before the plan voids nothing", async () => {
  const { append, move, listVoided, read } = openTenant();
  await append(event.buildCardOpened("k-1"), move(event.toObjectId(0), A));
  const planned = event.buildCardPlanned("k-1", 1, { refs: [{ name: MAIN, old: A, new: B }] });
  await append(move(A, B), move(B, A), planned, event.buildStated("k-1", 1, "approve", 1));
  expect([await listVoided(), await read("k-1")]).toMatchObject([[], { void_why: null, statements: [{ void_why: null }] }]);
});

it("the creation of a ref voids a plan that rests on its absence", async () => {
  const { append, move, wait, listVoided } = openTenant();
  await wait(["k-1"], { refs: [{ name: "refs/tags/v1.0.0", old: event.toObjectId(0), new: null }] });
  await append(move(event.toObjectId(0), B, "refs/tags/v1.0.1"));
  expect(await listVoided()).toEqual([]);
  await append(move(event.toObjectId(0), B, "refs/tags/v1.0.0"));
  expect(await listVoided()).toMatchObject([{ card_id: "k-1", why: expect.stringContaining("moved from absent") }]);
});

it("any new ref of the project voids the reset of all refs", async () => {
  const { append, move, wait, listVoided } = openTenant();
  await wait(["k-1"], { job_type: "git.registry.reset" });
  await append(move(event.toObjectId(0), B, "refs/heads/feature/new"));
  expect(await listVoided()).toMatchObject([{ card_id: "k-1", why: expect.stringContaining("refs/heads/feature/new") }]);
});

it("a move of the source voids the approvals of a merge", async () => {
  const { append, move, wait, listVoided } = openTenant();
  const params = {
    ...{ project_id: "P.demo", source: "feature/x", target: "main", expected_source: C, expected_target: A },
    strategy: "merge" as const,
  };
  await wait(["k-1"], { job_type: "git.registry.merge_protected", params });
  await append(move(C, B, "refs/heads/feature/x"));
  expect(await listVoided()).toMatchObject([{ card_id: "k-1", why: expect.stringContaining("refs/heads/feature/x") }]);
});

// Somebody moves main away and forces it back, so that the plan has the same digest as the one that was approved.
it("approvals stay void after the ref is moved back, and no statement, attestation or permit of their round is taken", async () => {
  const { tenant, append, move, wait, listVoided, read } = openTenant();
  await append(move(event.toObjectId(0), A));
  await wait(["k-1"]);
  await append(move(A, B), move(B, A));
  expect(await listVoided()).toMatchObject([{ card_id: "k-1" }]);
  const ends = [toApprovalsVoidedKey("k-1", 1)];
  for (const late of [event.buildStated("k-1", 1, "approve", 2), event.buildAttested("k-1", 1, 7), event.buildPermitIssued(99, "k-1")])
    expect(await appendEvents(ledger.db, tenant, [late], 1, ends), late.type).toMatchObject({ ok: false, conflict: { column: "end" } });
  // The next round has the same plan, and none of the old approvals.
  await append(event.buildCardPlanned("k-1", 2, { refs: [{ name: MAIN, old: A, new: B }], policy_hash: POLICY }));
  expect(await read("k-1")).toMatchObject({ round: 2, void_why: null, statements: [{ void_why: expect.stringContaining("moved") }] });
  await append(event.buildStated("k-1", 2, "approve", 1));
  expect(await listVoided()).toHaveLength(1);
  expect(await findMovedGrounds(ledger.db, tenant, "all")).toEqual([]);
});

it("an approval that is recorded after the move of its plan's ref is void at once", async () => {
  const { append, move, wait, listVoided } = openTenant();
  await wait(["k-bare"]);
  await append(move(A, B));
  expect(await listVoided()).toEqual([]);
  await append(event.buildStated("k-bare", 1, "approve", 1));
  expect(await listVoided()).toMatchObject([{ card_id: "k-bare", why: expect.stringContaining("before the approval was recorded") }]);
});

it("of approvals, moves and permits that arrive together, none leaves an approval of an outdated plan or a permit for it", async () => {
  const { tenant, move, wait, listVoided, append } = openTenant();
  await wait(["k-bare", "k-1"]);
  const first = appendEvents(ledger.db, tenant, [event.buildRegistered("P.first")], 1);
  // These wait for the first one and would share one transaction.
  const [approved, moved, permitted] = [
    appendEvents(ledger.db, tenant, [event.buildStated("k-bare", 1, "approve", 1)], 1),
    appendEvents(ledger.db, tenant, [move(A, B)], 1),
    appendEvents(ledger.db, tenant, [event.buildPermitIssued(98, "k-1")], 1, [toApprovalsVoidedKey("k-1", 1)]),
  ];
  await first;
  expect(await Promise.all([approved, moved, permitted])).toMatchObject([
    { ok: true },
    { ok: true, voided: ["k-1", "k-bare"] },
    { ok: false, conflict: { column: "end" } },
  ]);
  expect(await listVoided()).toHaveLength(2);
  await append(event.buildCardClosed("k-1"));
});

it("a move after the permit voids nothing, because the Runner checks the plan", async () => {
  const { append, move, wait, listVoided } = openTenant();
  await wait(["k-1"]);
  await append(event.buildPermitIssued(97, "k-1"));
  await append(move(A, B));
  expect(await listVoided()).toEqual([]);
});

describe("a charter entry", () => {
  const BOB = "ubl:sid:person:bob";
  const record = (entry: ReturnType<CharterWriter["append"]>): NewEvent => ({
    type: CHARTER_EVENTS[entry.change.jobType],
    key: `charter/${entry.version}`,
    payload: { entry, entry_hash: hashEntry(entry) },
  });
  const OTHER = "b".repeat(64);

  it("the publication of another policy voids every approval of its tenant, and that of the same policy none", async () => {
    const { tenant, append, wait, listVoided } = openTenant();
    const other = openTenant();
    const writer = new CharterWriter(undefined, tenant);
    await append(record(writer.append(buildFounding())));
    await wait(["k-1"]);
    await wait(["k-new"], { policy_hash: OTHER });
    await other.wait(["k-1"]);
    await append(record(writer.append({ jobType: "registry.policy.publish", params: { policy_hash: OTHER } })));
    expect(await listVoided()).toMatchObject([
      { card_id: "k-1", why: expect.stringContaining(`The policy ${OTHER} was published in version 2`) },
    ]);
    expect(await other.listVoided()).toEqual([]);
  });

  it("an entry voids the approvals of waiting changes of a record that it writes, and of no others", async () => {
    const { tenant, append, wait, listVoided } = openTenant();
    const writer = new CharterWriter(undefined, tenant);
    await append(record(writer.append(buildFounding())));
    const changed = buildActor("person:bob", { disabled: true });
    const restOn = (record: string, before: string | null) => {
      const charter = {
        records: [{ record, before, after: "c".repeat(64) }],
        gives_power_to: [],
        takes_power_from: [],
        level: "L4" as const,
      };
      const job = { jobType: "registry.members.change", params: { project_id: "_", persons: {}, actors: {} } } as const;
      return buildChangePlan({ tenant_id: tenant, target: "LAB_512", job }, POLICY, charter).basis;
    };
    await wait(["k-bob"], restOn(`actor/${BOB}`, writer.state.hashRecord("actor", BOB)));
    await wait(["k-same"], restOn(`actor/${BOB}`, hashCanonical(changed)));
    await wait(["k-carol"], restOn("actor/ubl:sid:person:carol", null));
    await append(record(writer.append({ jobType: "registry.members.change", params: { persons: {}, actors: { [BOB]: changed } } })));
    expect(await listVoided()).toMatchObject([{ card_id: "k-bob", why: expect.stringContaining(`changed the record actor/${BOB}`) }]);
  });

  it("names the keys that it adds and revokes", () => {
    const writer = new CharterWriter();
    writer.append(buildFounding());
    const added = { use: "permit", jwk: createTestKey().jwk, revoked: false } as const;
    const recovery = { jwks: [createTestKey().jwk], threshold: 1, delay_ms: 86_400_000 };
    const entry = writer.append({ jobType: "registry.keys.rotate", params: { add: [added], revoke: [permitKey.kid], recovery } });
    const recorded = { ...record(entry), seq: 2 } as LedgerEntry;
    expect(listEntryChanges(recorded)).toMatchObject([
      { kind: "record", name: "recovery", is: writer.state.hashRecord("recovery") },
      { kind: "record", name: `key/${added.jwk.kid}`, is: writer.state.hashRecord("key", added.jwk.kid) },
      { kind: "record", name: `key/${permitKey.kid}`, is: "revoked" },
    ]);
  });

  it("another infra context voids the approvals that rest on the old one", async () => {
    const { tenant, wait, listVoided } = openTenant();
    await wait(["k-1"], { infra: INFRA });
    await wait(["k-2"], { infra: { ...INFRA, context: "production" } });
    const why = "The infra context of P.demo changed.";
    const change = { kind: "infra", project_id: "P.demo", name: "", was: hashCanonical(INFRA), is: null, before_seq: null, why } as const;
    expect(await appendEvents(ledger.db, tenant, [], 1, [], [change])).toMatchObject({ ok: true, appended: [], voided: ["k-1"] });
    expect(await listVoided()).toMatchObject([{ card_id: "k-1", why }]);
  });
});

it("the rebuilt projections are identical", async () => {
  for (let n = 1; n <= tenants; n += 1) {
    const tenant = `T.Void${n}`;
    expect(await verifyProjections(ledger.db, tenant), tenant).toMatchObject({ ok: true });
    const before = await ledger.readProjectionRows();
    await rebuildProjections(ledger.db, tenant);
    expect(await ledger.readProjectionRows()).toEqual(before);
  }
});
