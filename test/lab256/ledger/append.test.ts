import { describe, expect, it } from "vitest";
import { hashCanonical, toCanonicalText } from "../../../src/domain/bytes/canonical.js";
import { toRegistryContainer } from "../../../src/domain/ledger/event.js";
import { appendBatch } from "../../../src/lab256/ledger/append-batch.js";
import { readChainHead, verifyChain } from "../../../src/lab256/ledger/chain.js";
import { hashEntry } from "../../../src/lab256/ledger/entry.js";
import { listCommands } from "../../../src/lab256/ledger/queries/commands.js";
import {
  buildActivity,
  buildCardClosed,
  buildCardOpened,
  buildCommandIssued,
  buildPermitIssued,
  buildRegistered,
  TENANT,
  toJti,
} from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger append");

describe("an append", () => {
  it("reports which events are new, and its retry changes nothing", async () => {
    const events = [buildRegistered("P.retry"), buildActivity("P.retry", 1)];
    const first = await ledger.appendOrThrow(events, "T.Retry");
    expect(first).toEqual([
      { type: "project.registered", key: events[0]?.key, seq: 1, isNew: true },
      { type: "project.activity", key: events[1]?.key, seq: 2, isNew: true },
    ]);
    const again = await ledger.appendOrThrow([...events, buildActivity("P.retry", 2)], "T.Retry", 9_999);
    expect(again.map(({ seq, isNew }) => [seq, isNew])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Retry"))).seq).toBe(3);
  });

  it("stores an event once if a request holds its key twice", async () => {
    const appended = await ledger.appendOrThrow([buildRegistered("P.twice"), buildRegistered("P.twice")], "T.Twice");
    expect(appended.map(({ seq, isNew }) => [seq, isNew])).toEqual([
      [1, true],
      [1, false],
    ]);
  });

  it("hashes the canonical JSON of the entry without `hash`", async () => {
    const event = buildCardOpened("k-hash");
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

  it("leaves no trace when its transaction is rolled back", async () => {
    const failing = ledger.db.transaction().execute(async (trx) => {
      await appendBatch(trx, "T.Rollback", [{ events: [buildRegistered("P.gone")], atMs: 1 }]);
      throw new Error("the caller failed");
    });
    await expect(failing).rejects.toThrow("the caller failed");
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Rollback"))).seq).toBe(0);
    await ledger.appendOrThrow([buildRegistered("P.kept")], "T.Rollback");
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Rollback"))).toMatchObject({ ok: true, head: { seq: 1 } });
  });

  it("keeps the chain unbroken while 16 clients append", async () => {
    const appenders = Array.from({ length: 16 }, async (_, n) => {
      for (let i = 0; i < 8; i += 1)
        await ledger.appendOrThrow([buildActivity("P.race", n * 100 + i), buildPermitIssued(n * 100 + i)], "T.Race");
    });
    await Promise.all(appenders);
    expect(await verifyChain(ledger.db, toRegistryContainer("T.Race"))).toMatchObject({ ok: true, head: { seq: 256 } });
  });

  it("stores an event once when 16 clients append it at the same time", async () => {
    const outcomes = await Promise.all(Array.from({ length: 16 }, () => ledger.appendOrThrow([buildRegistered("P.same")], "T.Same")));
    expect(outcomes.flat().filter(({ isNew }) => isNew)).toHaveLength(1);
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Same"))).seq).toBe(1);
  });
});

describe("a command's jti and job id", () => {
  it("are refused with the act that has the job id, and the transaction can continue", async () => {
    await ledger.appendOrThrow([buildCommandIssued(1, { jobId: "job-a" })], "T.Job");
    const outcome = await ledger.db.transaction().execute(async (trx) => {
      const events = [buildActivity("P.demo", 5), buildCommandIssued(2, { jobId: "job-a" })];
      const [refused] = await appendBatch(trx, "T.Job", [{ events, atMs: 1 }]);
      await appendBatch(trx, "T.Job", [{ events: [buildActivity("P.demo", 6)], atMs: 1 }]);
      return refused;
    });
    expect(outcome).toEqual({
      ok: false,
      conflict: { column: "job_id", jti: toJti(1), job_id: "job-a", card_id: null },
    });
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Job"))).seq).toBe(2);
  });

  it("are refused with the first command if the jti is used again under another job id", async () => {
    await ledger.appendOrThrow([buildCommandIssued(1, { jobId: "job-a" })], "T.Jti");
    const outcome = await ledger.append([buildCommandIssued(1, { jobId: "job-b" })], "T.Jti");
    expect(outcome).toMatchObject({ ok: false, conflict: { column: "jti", jti: toJti(1), job_id: "job-a" } });
  });

  it("are refused if two commands of one request share a job id", async () => {
    const outcome = await ledger.append([buildCommandIssued(1, { jobId: "job-a" }), buildCommandIssued(2, { jobId: "job-a" })], "T.Both");
    expect(outcome).toMatchObject({ ok: false, conflict: { column: "job_id", jti: toJti(1) } });
    expect((await readChainHead(ledger.db, toRegistryContainer("T.Both"))).seq).toBe(0);
  });

  it("do not conflict if the same command is appended again", async () => {
    await ledger.appendOrThrow([buildCommandIssued(3)], "T.Again");
    expect((await ledger.appendOrThrow([buildCommandIssued(3)], "T.Again"))[0]?.isNew).toBe(false);
  });

  it("are granted to exactly one of 16 commands that race for a job id", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        ledger.append([buildPermitIssued(n), buildCommandIssued(n, { jobId: "job-race" })], "T.JobRace"),
      ),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    const { items } = await listCommands(ledger.db, { tenant_id: "T.JobRace", limit: 10 });
    expect(items).toMatchObject([{ job_id: "job-race" }]);
    for (const outcome of outcomes) if (!outcome.ok) expect(outcome.conflict).toMatchObject({ column: "job_id", jti: items[0]?.jti });
  });

  it("are refused to an act whose job id an open card has reserved, but not to the card's own, nor once the card has ended", async () => {
    await ledger.appendOrThrow([buildCardOpened("k-1")], "T.Card");
    const stolen = buildCommandIssued(1, { jobId: "card-job-k-1" });
    const outcome = await ledger.append([stolen], "T.Card");
    expect(outcome).toEqual({ ok: false, conflict: { column: "job_id", jti: null, job_id: "card-job-k-1", card_id: "k-1" } });
    await ledger.appendOrThrow([buildCommandIssued(2, { jobId: "card-job-k-1", cardId: "k-1" })], "T.Card");
    await ledger.appendOrThrow([buildCardOpened("k-2"), buildCardClosed("k-2")], "T.Card");
    await ledger.appendOrThrow([buildCommandIssued(3, { jobId: "card-job-k-2" })], "T.Card");
  });

  it("do not conflict across tenants", async () => {
    await ledger.appendOrThrow([buildCommandIssued(1)], "T.One");
    expect(await ledger.append([buildCommandIssued(1)], "T.Two")).toMatchObject({ ok: true });
  });
});
