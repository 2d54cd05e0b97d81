import { describe, expect, it } from "vitest";
import { hashCanonical, toCanonicalText } from "../../../src/domain/bytes/canonical.js";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { appendEvents } from "../../../src/lab256/ledger/append.js";
import { readChainHead, verifyChain } from "../../../src/lab256/ledger/chain.js";
import { hashEntry } from "../../../src/lab256/ledger/entry.js";
import { listCommands } from "../../../src/lab256/ledger/queries/commands.js";
import { activity, cardOpened, commandIssued, jti, permitIssued, registered, TENANT } from "./events.js";
import { ledgerDatabase } from "./ledger-database.js";

const ledger = ledgerDatabase("ledger append");

describe("append", () => {
  it("says which events are new, and a retry changes nothing", async () => {
    const events = [registered("P.retry"), activity("P.retry", 1)];
    const first = await ledger.appended(events, "T.Retry");
    expect(first).toEqual([
      { type: "project.registered", key: events[0]?.key, seq: 1, isNew: true },
      { type: "project.activity", key: events[1]?.key, seq: 2, isNew: true },
    ]);
    const again = await ledger.appended([...events, activity("P.retry", 2)], "T.Retry", 9_999);
    expect(again.map(({ seq, isNew }) => [seq, isNew])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Retry"))).seq).toBe(3);
  });

  it("takes a key twice in one call once", async () => {
    const appended = await ledger.appended([registered("P.twice"), registered("P.twice")], "T.Twice");
    expect(appended.map(({ seq, isNew }) => [seq, isNew])).toEqual([
      [1, true],
      [1, false],
    ]);
  });

  it("hashes exactly JCS of the entry without its hash", async () => {
    const event = cardOpened("k-hash");
    const frame = {
      container: toRegistryContainer(TENANT),
      tenant_id: TENANT,
      seq: 7,
      type: event.type,
      key: 'é"\\\u2028',
      at_ms: 12,
      prev_hash: "0".repeat(64),
    };
    const { payload } = event;
    expect(hashEntry(frame, toCanonicalText(payload))).toBe(hashCanonical({ ...frame, payload }));
  });

  it("writes nothing of a transaction that is rolled back", async () => {
    const failing = ledger.db.transaction().execute(async (trx) => {
      await appendEvents(trx, "T.Rollback", [registered("P.gone")], 1);
      throw new Error("the caller failed");
    });
    await expect(failing).rejects.toThrow("the caller failed");
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Rollback"))).seq).toBe(0);
    await ledger.appended([registered("P.kept")], "T.Rollback");
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Rollback"))).toMatchObject({ ok: true, head: { seq: 1 } });
  });

  it("keeps one unbroken chain with 16 appenders at once", async () => {
    const appenders = Array.from({ length: 16 }, async (_, n) => {
      for (let i = 0; i < 8; i += 1) await ledger.appended([activity("P.race", n * 100 + i), permitIssued(n * 100 + i)], "T.Race");
    });
    await Promise.all(appenders);
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Race"))).toMatchObject({ ok: true, head: { seq: 256 } });
  });

  it("takes one event once, however many append it at the same moment", async () => {
    const outcomes = await Promise.all(Array.from({ length: 16 }, () => ledger.appended([registered("P.same")], "T.Same")));
    expect(outcomes.flat().filter(({ isNew }) => isNew)).toHaveLength(1);
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Same"))).seq).toBe(1);
  });
});

describe("a command's jti and job id", () => {
  it("answers whose the job id is, and the transaction can go on", async () => {
    await ledger.appended([commandIssued(1, { jobId: "job-a" })], "T.Job");
    const outcome = await ledger.db.transaction().execute(async (trx) => {
      const refused = await appendEvents(trx, "T.Job", [activity("P.demo", 5), commandIssued(2, { jobId: "job-a" })], 1);
      await appendEvents(trx, "T.Job", [activity("P.demo", 6)], 1);
      return refused;
    });
    expect(outcome).toEqual({
      ok: false,
      conflict: { column: "job_id", jti: jti(1), job_id: "job-a", workflow_id: `act/${TENANT}/${jti(1)}` },
    });
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Job"))).seq).toBe(2);
  });

  it("answers the first command of a jti that comes again under another job id", async () => {
    await ledger.appended([commandIssued(1, { jobId: "job-a" })], "T.Jti");
    const outcome = await ledger.append([commandIssued(1, { jobId: "job-b" })], "T.Jti");
    expect(outcome).toMatchObject({ ok: false, conflict: { column: "jti", jti: jti(1), job_id: "job-a" } });
  });

  it("refuses two commands of one call that share a job id", async () => {
    const outcome = await ledger.append([commandIssued(1, { jobId: "job-a" }), commandIssued(2, { jobId: "job-a" })], "T.Both");
    expect(outcome).toMatchObject({ ok: false, conflict: { column: "job_id", jti: jti(1) } });
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Both"))).seq).toBe(0);
  });

  it("is no conflict where the very command is appended again", async () => {
    await ledger.appended([commandIssued(3)], "T.Again");
    expect((await ledger.appended([commandIssued(3)], "T.Again"))[0]?.isNew).toBe(false);
  });

  it("goes to exactly one of 16 that race for a job id", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, n) => ledger.append([permitIssued(n), commandIssued(n, { jobId: "job-race" })], "T.JobRace")),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    const { items } = await listCommands(ledger.db, { tenant_id: "T.JobRace", limit: 10 });
    expect(items).toMatchObject([{ job_id: "job-race" }]);
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.conflict).toMatchObject({ column: "job_id", jti: items[0]?.jti });
  });

  it("belongs to its tenant alone", async () => {
    await ledger.appended([commandIssued(1)], "T.One");
    expect(await ledger.append([commandIssued(1)], "T.Two")).toMatchObject({ ok: true });
  });
});
