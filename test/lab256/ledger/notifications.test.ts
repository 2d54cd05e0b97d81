import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { LedgerWatch } from "../../../src/lab256/ledger/notifications.js";
import { findReceiptByJti } from "../../../src/lab256/ledger/queries/receipts.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger notifications");
const LONG_MS = 30_000;
let watch: LedgerWatch;
const losses: Error[] = [];

beforeAll(async () => {
  watch = await LedgerWatch.open(ledger.url, { onLost: (error) => losses.push(error) });
});
afterAll(() => watch.close());

describe("a watch of the ledger", () => {
  it("wakes the waiters of a card or an act with the event", async () => {
    const waiting = watch.waitForNotice((notice) => notice.jti === event.toJti(7), LONG_MS);
    await ledger.appendOrThrow([event.buildRegistered("P.other")]);
    await ledger.appendOrThrow([
      event.buildPermitIssued(7, "k-7"),
      event.buildCommandIssued(7, { cardId: "k-7" }),
      event.buildActivity("P.other", 7),
    ]);
    const notice = {
      tenant_id: event.TENANT,
      types: ["permit.issued", "command.issued", "project.activity"],
      card_id: "k-7",
      jti: event.toJti(7),
    };
    expect(await waiting).toEqual({ kind: "notice", notice });
  });

  it("sends no notice of a transaction that is rolled back or of known events", async () => {
    const seen: unknown[] = [];
    const stop = watch.subscribe((wake) => seen.push(wake));
    await ledger.appendOrThrow([event.buildRegistered("P.seen")]);
    await ledger.appendOrThrow([event.buildRegistered("P.seen")]);
    const last = watch.waitForNotice((notice) => notice.card_id === "k-last", LONG_MS);
    await ledger.appendOrThrow([event.buildCardOpened("k-last")]);
    await last;
    stop();
    expect(seen).toHaveLength(2);
  });

  it("reads again after each notice until it finds a result, including one recorded between the read and the wait", async () => {
    const query = { tenant_id: event.TENANT, jti: event.toJti(8) };
    let reads = 0;
    const found = watch.readUntilFound(
      async () => {
        reads += 1;
        const receipt = await findReceiptByJti(ledger.db, query);
        if (reads === 1) await ledger.appendOrThrow([event.buildReceiptRecorded(8, [])]);
        return receipt;
      },
      (notice) => notice.jti === event.toJti(8),
      LONG_MS,
    );
    expect(await found).toMatchObject({ jti: event.toJti(8) });
    expect(reads).toBe(2);
  });

  it("ends a wait on timeout or abort", async () => {
    expect(await watch.waitForNotice(() => true, 1)).toEqual({ kind: "ended" });
    expect(
      await watch.readUntilFound(
        async () => undefined,
        () => true,
        1,
      ),
    ).toBeUndefined();
    const giveUp = new AbortController();
    const waiting = watch.waitForNotice(() => true, LONG_MS, giveUp.signal);
    giveUp.abort();
    expect(await waiting).toEqual({ kind: "ended" });
    expect(await watch.waitForNotice(() => true, LONG_MS, giveUp.signal)).toEqual({ kind: "ended" });
  });

  it("reports a malformed notice as a gap", async () => {
    const waiting = watch.waitForNotice(() => false, LONG_MS);
    const client = new pg.Client({ connectionString: ledger.url });
    await client.connect();
    await client.query("select pg_notify('ogr_ledger', 'not json')");
    await client.end();
    expect(await waiting).toEqual({ kind: "gap" });
  });

  it("reconnects when its connection is cut, and wakes all waiters because notices may be lost", async () => {
    const waiting = watch.waitForNotice(() => false, LONG_MS);
    const admin = new pg.Client({ connectionString: inject("servers").database_url });
    await admin.connect();
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'ogr watch'", [
      ledger.name,
    ]);
    await admin.end();
    expect(await waiting).toEqual({ kind: "gap" });
    expect(losses).not.toHaveLength(0);
    const again = watch.waitForNotice((notice) => notice.card_id === "k-again", LONG_MS);
    await ledger.appendOrThrow([event.buildCardOpened("k-again")]);
    expect(await again).toMatchObject({ kind: "notice" });
  });

  it("retries while Postgres refuses connections, and then continues", async () => {
    const target = new URL(ledger.url);
    const open = new Set<Socket>();
    const proxy = createServer((socket) => relay(socket, target, open));
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as { port: number };
    const url = new URL(ledger.url);
    url.hostname = "127.0.0.1";
    url.port = String(port);
    const lost: Error[] = [];
    const through = await LedgerWatch.open(url.href, { onLost: (error) => lost.push(error) });
    const waiting = through.waitForNotice(() => false, LONG_MS);
    await new Promise((closed) => {
      proxy.close(closed);
      for (const socket of open) socket.destroy();
    });
    while (lost.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
    proxy.listen(port, "127.0.0.1");
    expect(await waiting).toEqual({ kind: "gap" });
    await through.close();
    await new Promise((closed) => {
      proxy.close(closed);
      for (const socket of open) socket.destroy();
    });
  });

  it("ends all waits when it is closed", async () => {
    const closing = await LedgerWatch.open(ledger.url, { onLost: (error) => losses.push(error) });
    const waiting = closing.waitForNotice(() => true, LONG_MS);
    await closing.close();
    expect(await waiting).toEqual({ kind: "ended" });
    expect(await closing.waitForNotice(() => true, LONG_MS)).toEqual({ kind: "ended" });
  });
});

function relay(socket: Socket, target: URL, open: Set<Socket>): void {
  const upstream = connect(Number(target.port), target.hostname);
  for (const end of [socket, upstream]) {
    open.add(end);
    end.on("error", () => end.destroy());
    end.on("close", () => open.delete(end));
  }
  socket.pipe(upstream).pipe(socket);
}
