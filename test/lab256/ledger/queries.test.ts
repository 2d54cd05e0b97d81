import { describe, expect, it } from "vitest";
import { listActivities } from "../../../src/lab256/ledger/queries/activity.js";
import { findCard, listCards } from "../../../src/lab256/ledger/queries/cards.js";
import { findCommandByJti, listCommands } from "../../../src/lab256/ledger/queries/commands.js";
import { findPermitByCard, findPermitByJti, listOverduePermits } from "../../../src/lab256/ledger/queries/permits.js";
import { findProjectDetail, listProjects } from "../../../src/lab256/ledger/queries/projects.js";
import { findReceiptByJti, listRefusalsByJti } from "../../../src/lab256/ledger/queries/receipts.js";
import { listReleases } from "../../../src/lab256/ledger/queries/releases.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger queries");
const MAIN = "refs/heads/main";

async function readRefs(tenant_id: string) {
  const detail = await findProjectDetail(ledger.db, { tenant_id, project_id: "P.demo" });
  return Object.fromEntries(detail?.refs.map(({ name, object_id }) => [name, object_id]) ?? []);
}

function buildMoved(act: number, from: number, to: number, name = MAIN) {
  return event.buildReceiptRecorded(act, [{ name, old: event.toObjectId(from), new: event.toObjectId(to) }]);
}

describe("projects", () => {
  it("are listed page by page, the latest first, as ADR-002 §7 defines", async () => {
    const tenant_id = "T.List";
    for (const id of ["P.one", "P.two", "P.three"])
      await ledger.appendOrThrow([event.buildRegistered(id), event.buildBound(id)], tenant_id, 7);
    const first = await listProjects(ledger.db, { tenant_id, limit: 2 });
    expect(first.items[0]).toEqual({
      ...{ id: "P.three", name: "Project P.three", owners: [event.ADMIN], visibility: "internal" },
      ...{ repo_url: "s3://repos/T.UBL/P.three.git", last_activity: 7, archived: false },
    });
    const second = await listProjects(ledger.db, { tenant_id, limit: 2, after: first.next ?? 0 });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(["P.three", "P.two", "P.one"]);
    expect(second.next).toBeNull();
  });

  it.each([0, 201, 1.5, Number.NaN])("cannot be listed with a limit of %s", async (limit) => {
    await expect(listProjects(ledger.db, { tenant_id: "T.List", limit })).rejects.toThrow("1 to 200");
  });

  it("show their releases, activities and last activity time", async () => {
    const tenant_id = "T.Detail";
    await ledger.appendOrThrow([event.buildRegistered("P.demo")], tenant_id, 1);
    await ledger.appendOrThrow([event.buildActivity("P.demo", 1)], tenant_id, 2);
    await ledger.appendOrThrow([event.buildTagged("P.demo", "v1.2.0")], tenant_id, 3);
    expect(await findProjectDetail(ledger.db, { tenant_id, project_id: "P.demo" })).toMatchObject({
      ...{ registered_at: 1, last_activity: 3, archived: false, refs: [], refs_cut: false },
      ...{ releases: [{ tag: "v1.2.0" }], activity: [{ action: "push", at_ms: 2 }] },
    });
    expect(await listReleases(ledger.db, { tenant_id, limit: 10 })).toMatchObject({
      items: [{ project_id: "P.demo", tag: "v1.2.0", tagged_at: 3, commit: event.toObjectId(1) }],
      next: null,
    });
    expect((await listActivities(ledger.db, { tenant_id, limit: 10 })).items).toHaveLength(1);
  });
});

describe("refs", () => {
  it("are created, moved and deleted by successful receipts", async () => {
    const tenant_id = "T.Refs";
    await ledger.appendOrThrow(
      [event.buildRegistered("P.demo"), buildMoved(1, 0, 1), buildMoved(2, 0, 1, "refs/heads/feature/x")],
      tenant_id,
    );
    await ledger.appendOrThrow([buildMoved(3, 1, 2)], tenant_id);
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(2), "refs/heads/feature/x": event.toObjectId(1) });
    await ledger.appendOrThrow([buildMoved(4, 1, 0, "refs/heads/feature/x")], tenant_id);
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(2) });
  });

  it("do not move on an unsuccessful receipt", async () => {
    const tenant_id = "T.NoRefs";
    await ledger.appendOrThrow([event.buildRegistered("P.demo"), buildMoved(1, 0, 1)], tenant_id);
    await ledger.appendOrThrow(
      [event.buildReceiptRecorded(2, [{ name: MAIN, old: event.toObjectId(1), new: event.toObjectId(2) }], { status: "error" })],
      tenant_id,
    );
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(1) });
  });

  // This happens when a Runner dies after it moved a ref and the receipt of the next push is recorded first.
  it("end at the last move in any order of receipts", async () => {
    const tenant_id = "T.Late";
    await ledger.appendOrThrow([event.buildRegistered("P.demo"), buildMoved(1, 0, 1)], tenant_id);
    await ledger.appendOrThrow([buildMoved(3, 2, 3)], tenant_id);
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(3) });
    await ledger.appendOrThrow([buildMoved(2, 1, 2)], tenant_id);
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(3) });
  });

  it("can return to an earlier id", async () => {
    const tenant_id = "T.Back";
    await ledger.appendOrThrow([event.buildRegistered("P.demo"), buildMoved(1, 0, 1), buildMoved(2, 1, 2), buildMoved(3, 2, 1)], tenant_id);
    expect(await readRefs(tenant_id)).toEqual({ [MAIN]: event.toObjectId(1) });
  });
});

describe("commands, permits and receipts", () => {
  it("are listed as pending for their target until the receipt is recorded", async () => {
    const tenant_id = "T.Pending";
    await ledger.appendOrThrow(
      [event.buildPermitIssued(1), event.buildCommandIssued(1), event.buildPermitIssued(2), event.buildCommandIssued(2)],
      tenant_id,
    );
    const pending = () => listCommands(ledger.db, { tenant_id, target: "LAB_512", pending: true, limit: 10 });
    expect((await pending()).items.map(({ envelope }) => envelope.jti)).toEqual([event.toJti(1), event.toJti(2)]);
    expect((await listCommands(ledger.db, { tenant_id, target: "LAB_256", limit: 10 })).items).toEqual([]);
    const issued = event.buildCommandIssued(1);
    expect((await pending()).items[0]?.envelope).toEqual(issued.type === "command.issued" && issued.payload.envelope);
    await ledger.appendOrThrow([event.buildReceiptRecorded(1, [], { status: "denied" })], tenant_id);
    await ledger.appendOrThrow([event.buildCommandClosed(2)], tenant_id);
    expect((await pending()).items).toEqual([]);
    expect(await findCommandByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toMatchObject({
      status: "denied",
      denial_code: "ref_moved",
      finished_at: 5_001,
    });
    expect(await findCommandByJti(ledger.db, { tenant_id, jti: event.toJti(2) })).toMatchObject({
      status: "expired",
      denial_code: "permit_expired",
    });
    expect(await findReceiptByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toEqual(event.buildReceipt(1, "denied", []));
  });

  it("take their status from the receipt even if the command was also closed without one", async () => {
    const tenant_id = "T.Truth";
    await ledger.appendOrThrow(
      [event.buildCommandIssued(1), event.buildReceiptRecorded(1, []), event.buildCommandIssued(2), event.buildCommandClosed(2)],
      tenant_id,
    );
    await ledger.appendOrThrow([event.buildCommandClosed(1), event.buildReceiptRecorded(2, [])], tenant_id);
    for (const n of [1, 2])
      expect(await findCommandByJti(ledger.db, { tenant_id, jti: event.toJti(n) })).toMatchObject({ status: "success", denial_code: null });
  });

  it("do not change when a refusal names their jti", async () => {
    const tenant_id = "T.Refused";
    await ledger.appendOrThrow([event.buildCommandIssued(1), event.buildReceiptRefused(1)], tenant_id);
    expect(await findCommandByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toMatchObject({ status: "running" });
    expect(await listRefusalsByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toMatchObject([{ code: "wrong_target" }]);
    expect(await findReceiptByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toBeUndefined();
  });

  it("are overdue only if they were neither used nor ended by their exp", async () => {
    const tenant_id = "T.Sweep";
    await ledger.appendOrThrow(
      [1, 2, 3].map((n) => event.buildPermitIssued(n)),
      tenant_id,
    );
    await ledger.appendOrThrow([event.buildCommandIssued(1), event.buildPermitEnded(2, "revoked")], tenant_id);
    const listOverdue = async (nowMs: number) =>
      (await listOverduePermits(ledger.db, { tenant_id, nowMs, limit: 10 })).map(({ jti }) => jti);
    expect(await listOverdue(121_000)).toEqual([]);
    expect(await listOverdue(121_001)).toEqual([event.toJti(3)]);
    await ledger.appendOrThrow([event.buildPermitEnded(3, "expired")], tenant_id);
    expect(await listOverdue(121_001)).toEqual([]);
    expect(await findPermitByJti(ledger.db, { tenant_id, jti: event.toJti(1) })).toMatchObject({
      status: "used",
      permit: event.buildPermit(1),
    });
    expect(await findPermitByJti(ledger.db, { tenant_id, jti: event.toJti(2) })).toMatchObject({
      status: "revoked",
      end_reason: "No longer wanted.",
      ended_by: event.ADMIN,
    });
  });
});

describe("cards", () => {
  it("go from proposal to receipt", async () => {
    const tenant_id = "T.Card";
    const readStatus = async () => (await findCard(ledger.db, { tenant_id, card_id: "k-1" }))?.status;
    await ledger.appendOrThrow([event.buildCardOpened("k-1")], tenant_id);
    expect(await readStatus()).toBe("planning");
    await ledger.appendOrThrow([event.buildCardPlanned("k-1", 1)], tenant_id);
    expect(await readStatus()).toBe("awaiting_approval");
    await ledger.appendOrThrow([event.buildStated("k-1", 1, "approve", 2), event.buildPermitIssued(1, "k-1")], tenant_id);
    expect(await findCard(ledger.db, { tenant_id, card_id: "k-1" })).toMatchObject({
      ...{ status: "approved", level: "L3", round: 1, run_by: 121_000, jti: event.toJti(1), missing: [], context: { "why\0": "\0" } },
      statements: [{ decision: "approve", counts: true, void_why: null, person_id: "person-2" }],
    });
    expect(await findPermitByCard(ledger.db, { tenant_id, card_id: "k-1" })).toMatchObject({ jti: event.toJti(1) });
    await ledger.appendOrThrow([event.buildCommandIssued(1, { cardId: "k-1" })], tenant_id);
    expect(await readStatus()).toBe("running");
    await ledger.appendOrThrow([event.buildReceiptRecorded(1, [], { cardId: "k-1" })], tenant_id, 50_000);
    expect(await findCard(ledger.db, { tenant_id, card_id: "k-1" })).toMatchObject({ status: "success", denial: null, closed_at: 50_000 });
  });

  it("show which approvals were ended by a new plan or a withdrawal", async () => {
    const tenant_id = "T.Void";
    await ledger.appendOrThrow(
      [
        event.buildCardOpened("k-1"),
        event.buildCardPlanned("k-1", 1),
        event.buildStated("k-1", 1, "approve", 1),
        event.buildStated("k-1", 1, "approve", 2),
      ],
      tenant_id,
    );
    await ledger.appendOrThrow(
      [
        event.buildStated("k-1", 1, "withdraw", 1),
        event.buildApprovalsVoided("k-1", 1, 2),
        event.buildCardPlanned("k-1", 2),
        event.buildStated("k-1", 2, "approve", 1),
      ],
      tenant_id,
    );
    const card = await findCard(ledger.db, { tenant_id, card_id: "k-1" });
    expect(card?.statements.map(({ decision, void_why }) => [decision, void_why])).toEqual([
      ["approve", "Withdrawn by its approver."],
      ["approve", "The ref moved."],
      ["withdraw", null],
      ["approve", null],
    ]);
  });

  it("are found by status and by project", async () => {
    const tenant_id = "T.Cards";
    await ledger.appendOrThrow(
      [
        event.buildCardOpened("k-1", "P.a"),
        event.buildCardOpened("k-2", "P.b"),
        event.buildCardOpened("k-3", "P.a"),
        event.buildCardClosed("k-1"),
      ],
      tenant_id,
    );
    const listIds = async (query: { status?: "planning" | "expired"; project_id?: string }) =>
      (await listCards(ledger.db, { tenant_id, limit: 10, ...query })).items.map(({ card_id }) => card_id);
    expect(await listIds({})).toEqual(["k-3", "k-2", "k-1"]);
    expect(await listIds({ status: "planning" })).toEqual(["k-3", "k-2"]);
    expect(await listIds({ status: "planning", project_id: "P.a" })).toEqual(["k-3"]);
    expect(await listIds({ status: "expired" })).toEqual(["k-1"]);
  });
});

describe("another tenant", () => {
  it("sees none of these projects, refs, acts and cards", async () => {
    const [tenant_id, limit] = ["T.Stranger", 200];
    const { db } = ledger;
    for (const list of [listProjects, listReleases, listActivities, listCommands, listCards])
      expect(await list(db, { tenant_id, limit })).toEqual({ items: [], next: null });
    expect(await findProjectDetail(db, { tenant_id, project_id: "P.demo" })).toBeUndefined();
    expect(await findCard(db, { tenant_id, card_id: "k-1" })).toBeUndefined();
    expect(await findCommandByJti(db, { tenant_id, jti: event.toJti(1) })).toBeUndefined();
    expect(await findPermitByJti(db, { tenant_id, jti: event.toJti(1) })).toBeUndefined();
    expect(await findPermitByCard(db, { tenant_id, card_id: "k-1" })).toBeUndefined();
    expect(await findReceiptByJti(db, { tenant_id, jti: event.toJti(1) })).toBeUndefined();
    expect(await listRefusalsByJti(db, { tenant_id, jti: event.toJti(1) })).toEqual([]);
    expect(await listOverduePermits(db, { tenant_id, nowMs: Number.MAX_SAFE_INTEGER, limit })).toEqual([]);
  });
});
