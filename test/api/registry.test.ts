import { afterAll, beforeAll, expect, test } from "vitest";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { lookUpMerge } from "../../src/client/merging.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { toAnchorKey } from "../../src/domain/storage-key.js";
import { appendEvents } from "../../src/lab256/ledger/append.js";
import { openStore } from "../../src/storage/open.js";
import * as event from "../lab256/ledger/events.js";
import { ADMIN, BOB, type RunningApi, startApi, TENANT } from "./running-api.js";

const CAROL = "ubl:sid:person:carol";
const CONTAINER = "C.Registry::T.UBL";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi("api-registry");
  const projects = [
    ["P.mine", ADMIN, "private"],
    ["P.offices", "office:security", "private"],
    ["P.shared", ADMIN, "internal"],
  ] as const;
  const events = projects.map(
    ([project_id, owner, visibility]): NewEvent => ({
      type: "project.registered",
      key: `project.registered/${project_id}`,
      payload: { project_id, name: project_id, owners: [owner], visibility },
    }),
  );
  await appendEvents(api.deps.db, TENANT, events, Date.now());
});
afterAll(() => api.stop());

const list = async (as: string, query = "") => {
  const answer = await api.call({ path: `/v1/query/registry/projects?tenant_id=${TENANT}${query}`, as });
  return { ids: (answer.body as unknown as { id: string }[]).map(({ id }) => id), link: answer.headers.get("link") };
};
const project = (id: string, as: string) => api.call({ path: `/v1/query/registry/project/${id}?tenant_id=${TENANT}`, as });
const verify = async () => (await api.call({ path: `/v1/ledger/verify?tenant_id=${TENANT}` })).body;

test("only owners see a private project, themselves or through an office", async () => {
  expect((await list(ADMIN)).ids).toEqual(["P.shared", "P.mine"]);
  expect((await list(BOB)).ids).toEqual(["P.shared"]);
  expect((await list(CAROL)).ids).toEqual(["P.shared", "P.offices"]);
  expect([(await project("P.mine", BOB)).status, (await project("P.mine", ADMIN)).status]).toEqual([404, 200]);
  expect((await project("P.shared", BOB)).body).toMatchObject({ id: "P.shared", refs: [], releases: [], activity: [] });
});

test("the pages of the catalog are linked, also across projects that the caller cannot see", async () => {
  const first = await list(BOB, "&limit=1");
  expect(first.ids).toEqual(["P.shared"]);
  const second = await api.call({ path: /^<([^>]+)>/.exec(first.link ?? "")?.[1] ?? "", as: BOB });
  expect([second.body, second.headers.get("link")]).toEqual([[], expect.stringContaining("next")]);
});

test("the ledger is compared with its signed anchors", async () => {
  expect(await verify()).toMatchObject({ ok: true, container: CONTAINER, entries: 4, anchors_checked: 0, head: { seq: 4 } });
  const store = await openStore(api.founded.rootStore);
  const anchor = async (seq: number, hash: string, key = api.permitKey) => {
    const head = signObject("head", { container: CONTAINER, tenant_id: TENANT, seq, hash, at_ms: 1 }, key);
    await store.blobs.create(toAnchorKey(TENANT, seq), toCanonicalBytes(head));
  };
  const { head } = (await verify()) as { head: { seq: number; hash: string } };
  await anchor(head.seq, head.hash);
  expect(await verify()).toMatchObject({ ok: true, anchors_checked: 1 });
  await anchor(9, "a".repeat(64));
  expect(await verify()).toMatchObject({ ok: false, anchors_checked: 2, problem: expect.stringContaining("older than the anchor") });
  await anchor(1, "b".repeat(64), { ...api.permitKey, kid: "0000000000000000" });
  expect(await verify()).toMatchObject({ ok: false, problem: expect.stringContaining("not signed by this registry") });
  await store.close();
});

test("a client finds each ref of a project with more refs than the catalog's answer or a page shows, and lists all of them", async () => {
  const names = Array.from({ length: 1_001 }, (_, n) => `refs/heads/feature/a${String(n).padStart(4, "0")}`);
  const moves = [...names, "refs/heads/feature/zzz", "refs/heads/main"].map((name, n) => ({
    name,
    old: ZERO_ID,
    new: event.toObjectId(n + 1),
  }));
  const receipt = event.buildReceiptRecorded(77, moves, { project: "P.shared" });
  await appendEvents(api.deps.db, TENANT, [event.buildCommandIssued(77, { project: "P.shared" }), receipt], Date.now());
  const client = createRegistryClient({ server: api.url, token: api.getToken(BOB) }, { tenant_id: TENANT, actor_id: BOB });
  expect((await project("P.shared", BOB)).body).toMatchObject({ refs_cut: true });
  expect(await client.readProject("P.shared")).not.toHaveProperty("value.refs");
  expect((await client.listRefs("P.shared").read()).map(({ name }) => name)).toEqual(moves.map(({ name }) => name));
  const merge = { project_id: "P.shared", source: "feature/zzz", target: "main", strategy: "merge" } as const;
  expect(await lookUpMerge(client, merge)).toMatchObject({
    params: { expected_source: event.toObjectId(1_002) },
    target_tip: event.toObjectId(1_003),
  });
  expect(await client.findRef("P.shared", "refs/heads/none")).toBeUndefined();
  await expect(client.findRef("P.mine", "refs/heads/main")).rejects.toThrow("not_found");
});
