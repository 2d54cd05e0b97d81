import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { findProjectDetail } from "../../../src/lab256/ledger/queries/projects.js";
import { rebuildProjections } from "../../../src/lab256/ledger/rebuild-projections.js";
import { verifyProjections } from "../../../src/lab256/ledger/verify-projections.js";
import { chooseRuns } from "../../harness/campaign.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger projections");

const project = fc.constantFrom("P.a", "P.b");
const card = fc.constantFrom("k-1", "k-2");
const act = fc.integer({ min: 1, max: 4 });
const round = fc.integer({ min: 1, max: 2 });
const cardOrNone = fc.option(card);
const refs = fc.array(
  fc.record({
    name: fc.constantFrom("refs/heads/main", "refs/heads/feature/x"),
    old: act.map((n) => event.toObjectId(n - 1)),
    new: act.map((n) => event.toObjectId(n - 1)),
  }),
  { maxLength: 4 },
);

/** Any event about few projects, cards and acts, so that sequences change the same rows in every order. */
const anyEvent: fc.Arbitrary<NewEvent> = fc.oneof(
  project.map(event.buildRegistered),
  project.map(event.buildBound),
  fc.tuple(project, act).map(([p, n]) => event.buildActivity(p, n)),
  project.map((p) => event.buildTagged(p, "v1.0.0")),
  fc.tuple(act, cardOrNone).map(([n, k]) => event.buildPermitIssued(n, k)),
  fc.tuple(act, fc.constantFrom("revoked", "expired", "refused")).map(([n, end]) => event.buildPermitEnded(n, end)),
  fc.tuple(act, cardOrNone, project).map(([n, cardId, p]) => event.buildCommandIssued(n, { cardId, project: p, key: `command/${n}` })),
  act.map(event.buildCommandClosed),
  fc
    .tuple(act, refs, cardOrNone, project, fc.constantFrom("success", "error"))
    .map(([n, moves, cardId, p, status]) => event.buildReceiptRecorded(n, moves, { status, cardId, project: p })),
  act.map(event.buildReceiptRefused),
  fc.tuple(card, project).map(([k, p]) => event.buildCardOpened(k, p)),
  fc.tuple(card, round, refs, project).map(([k, n, moves, p]) => event.buildCardPlanned(k, n, { refs: moves, project_id: p })),
  fc
    .tuple(card, round, fc.constantFrom("approve", "reject", "withdraw"), act)
    .map(([k, n, decision, who]) => event.buildStated(k, n, decision, who)),
  fc.tuple(card, round, act).map(([k, n, key]) => event.buildAttested(k, n, key)),
  fc.tuple(card, round, act).map(([k, n, who]) => event.buildApprovalsVoided(k, n, who)),
  card.map(event.buildCardClosed),
);

describe("projections", () => {
  it("are rebuilt identically from the ledger for any events in any order and grouping", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anyEvent, { minLength: 1, maxLength: 6 }), { maxLength: 8 }), async (batches) => {
        run += 1;
        const tenantId = `T.Any${run}`;
        for (const [n, batch] of batches.entries()) await ledger.append(batch, tenantId, 1_000 + n);
        expect(await verifyProjections(ledger.db, tenantId)).toMatchObject({ ok: true });
        const before = await ledger.readProjectionRows();
        await rebuildProjections(ledger.db, tenantId);
        expect(await ledger.readProjectionRows()).toEqual(before);
      }),
      chooseRuns(12),
    );
  });

  it("show readers the old rows until a rebuild is complete", async () => {
    await ledger.appendOrThrow([event.buildRegistered("P.r"), event.buildActivity("P.r", 1)], "T.Reader");
    const read = () => findProjectDetail(ledger.db, { tenant_id: "T.Reader", project_id: "P.r" });
    const expected = await read();
    expect(expected).toMatchObject({ id: "P.r", activity: [{ action: "push" }] });
    const rebuilding = Promise.all(Array.from({ length: 5 }, () => rebuildProjections(ledger.db, "T.Reader")));
    const seen = await Promise.all(Array.from({ length: 40 }, read));
    for (const detail of seen) expect(detail).toEqual(expected);
    await rebuilding;
    expect(await read()).toEqual(expected);
  });

  it("are verified row by row: changed, lost and added rows are named, and a rebuild repairs them", async () => {
    const tenantId = "T.Tampered";
    await ledger.appendOrThrow(
      [event.buildRegistered("P.x"), event.buildRegistered("P.y"), event.buildCommandIssued(1), event.buildPermitIssued(2)],
      tenantId,
    );
    const tampering = [
      sql`update registry_projects set visibility = 'public' where tenant_id = ${tenantId} and project_id = 'P.x'`,
      sql`delete from registry_projects where tenant_id = ${tenantId} and project_id = 'P.y'`,
      sql`insert into registry_releases values (${tenantId}, 'P.x', 'v9.9.9', 9, 'c', 'n', 1)`,
      sql`update commands set envelope = replace(envelope::text, 'feature/x', 'main')::json where tenant_id = ${tenantId}`,
    ];
    for (const statement of tampering) await statement.execute(ledger.db);
    expect(await verifyProjections(ledger.db, tenantId)).toEqual({
      ok: false,
      entries: 4,
      differences: [
        { table: "registry_projects", row: { project_id: "P.x" }, code: "different" },
        { table: "registry_projects", row: { project_id: "P.y" }, code: "missing" },
        { table: "registry_releases", row: { project_id: "P.x", tag: "v9.9.9" }, code: "surplus" },
        { table: "commands", row: { jti: event.toJti(1) }, code: "different" },
      ],
    });
    expect(await rebuildProjections(ledger.db, tenantId)).toEqual([{ tenant_id: tenantId, entries: 4 }]);
    expect(await verifyProjections(ledger.db, tenantId)).toEqual({ ok: true, entries: 4 });
  });

  it("do not change when another tenant's are rebuilt", async () => {
    await ledger.appendOrThrow([event.buildRegistered("P.mine")], "T.Mine");
    await sql`update registry_projects set name = 'mine' where tenant_id = 'T.Mine'`.execute(ledger.db);
    await rebuildProjections(ledger.db, "T.Tampered");
    expect(await findProjectDetail(ledger.db, { tenant_id: "T.Mine", project_id: "P.mine" })).toMatchObject({ name: "mine" });
    const rebuilt = await rebuildProjections(ledger.db);
    expect(rebuilt.map(({ tenant_id }) => tenant_id)).toEqual(expect.arrayContaining(["T.Mine", "T.Tampered"]));
    expect(await findProjectDetail(ledger.db, { tenant_id: "T.Mine", project_id: "P.mine" })).toMatchObject({ name: "Project P.mine" });
  });
});
