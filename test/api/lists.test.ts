import { afterAll, beforeAll, expect, test } from "vitest";
import { ChainReader } from "../../src/client/offline/ledger.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { ENTRIES_PAGE_BYTES } from "../../src/lab256/ledger/queries/entries.js";
import * as event from "../lab256/ledger/events.js";
import { BOB, OLGA, type RunningApi, startApi, TENANT } from "./running-api.js";

let api: RunningApi;

const append = (events: readonly NewEvent[], tenantId = TENANT) => appendEvents(api.deps.db, tenantId, events, Date.now());

beforeAll(async () => {
  api = await startApi("api-lists");
  await append([1, 2, 3].map((act) => event.buildCommandIssued(act)));
  await append([event.buildCommandIssued(9)], "T.OTHER");
});
afterAll(() => api.stop());

interface Listed {
  readonly jti: string;
  readonly seq: number;
}

const list = async (path: string, query = "", as = BOB) => {
  const answer = await api.call({ path: `${path}?tenant_id=${TENANT}${query}`, as });
  const next = /^<([^>]+)>/.exec(answer.headers.get("link") ?? "")?.[1];
  return { status: answer.status, rows: answer.body as unknown as Listed[], next };
};

test("every member can list commands, the latest issued first, without their envelopes", async () => {
  const { rows } = await list("/v1/commands");
  expect(rows.map(({ jti }) => jti)).toEqual([3, 2, 1].map((act) => event.toJti(act)));
  expect(rows[0]).toMatchObject({ status: "running", project_id: "P.demo", jobType: "git.registry.push", denial: null });
  expect(rows[0]).not.toHaveProperty("envelope");
});

test("commands can be filtered by status and project, and are listed page by page", async () => {
  expect((await list("/v1/commands", "&status=success")).rows).toEqual([]);
  expect((await list("/v1/commands", "&status=running&project_id=P.demo")).rows).toHaveLength(3);
  expect((await list("/v1/commands", "&project_id=P.none")).rows).toEqual([]);
  expect((await list("/v1/commands", "&status=odd")).status).toBe(400);
  const first = await list("/v1/commands", "&limit=2");
  const second = await api.call({ path: first.next ?? "", as: BOB });
  expect([...first.rows, ...(second.body as unknown as Listed[])].map(({ jti }) => jti)).toEqual([3, 2, 1].map((act) => event.toJti(act)));
  expect(second.headers.get("link")).toBeNull();
});

test("a tenant's chain is listed page by page, and every hash can be recomputed from it", async () => {
  const reader = new ChainReader();
  let next: string | undefined = `/v1/ledger/entries?tenant_id=${TENANT}&limit=2`;
  while (next !== undefined) {
    const answer = await api.call({ path: next, as: BOB });
    for (const entry of answer.body as unknown as Listed[]) reader.follow(entry);
    next = /^<([^>]+)>/.exec(answer.headers.get("link") ?? "")?.[1];
  }
  const verified = (await api.call({ path: `/v1/ledger/verify?tenant_id=${TENANT}` })).body;
  expect(reader.chain).toMatchObject({
    container: `C.Registry::${TENANT}`,
    first: 1,
    entries: verified["entries"],
    head: verified["head"],
  });
});

test("a page of the chain ends with the entry that fills it, so that an answer exceeds the limit by one entry at most", async () => {
  const before = (await list("/v1/ledger/entries")).rows.length;
  const half = "x".repeat(ENTRIES_PAGE_BYTES / 2);
  const buildLargeEvent = (id: string): NewEvent =>
    ({ ...event.buildRegistered(id), payload: { project_id: id, name: half, owners: [], visibility: "internal" } }) as NewEvent;
  await append([buildLargeEvent("P.a"), buildLargeEvent("P.b"), buildLargeEvent("P.c")]);
  const first = await list("/v1/ledger/entries", `&after=${before}`);
  expect(first.rows.map(({ seq }) => seq)).toEqual([before + 1, before + 2]);
  const second = await api.call({ path: first.next ?? "", as: BOB });
  expect((second.body as unknown as Listed[]).map(({ seq }) => seq)).toEqual([before + 3]);
  expect(second.headers.get("link")).toBeNull();
});

test("the page after the last entry is empty", async () => {
  expect(await list("/v1/ledger/entries", "&after=999999")).toMatchObject({ status: 200, rows: [], next: undefined });
});

test("another tenant's lists are 404, and the caller's own lists hold nothing of others", async () => {
  for (const path of ["/v1/commands", "/v1/ledger/entries"]) expect((await list(path, "", OLGA)).status).toBe(404);
  const answer = await api.call({ path: "/v1/commands?tenant_id=T.OTHER", as: OLGA });
  expect((answer.body as unknown as Listed[]).map(({ jti }) => jti)).toEqual([event.toJti(9)]);
});
