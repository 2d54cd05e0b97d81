import { sql } from "kysely";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { JobType } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { pushedCommitsMigration } from "../../../src/lab256/database/migrations/0006-pushed-commits.js";
import { findPushers } from "../../../src/lab256/ledger/queries/pushers.js";
import { verifyProjections } from "../../../src/lab256/ledger/verify-projections.js";
import { ADMIN, buildUblTenant, MIRA } from "../identity/people.js";
import { seedTenant } from "../identity/seed-tenant.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger pushers");
const older = useLedgerDatabase("ledger older pushes");

type Actor = Pick<typeof ADMIN, "actor_id">;

let project: string;
let acts = 0;
let projects = 0;

beforeAll(() => ledger.db.transaction().execute((trx) => seedTenant(trx, buildUblTenant(), 1_000)));
beforeEach(() => {
  projects += 1;
  project = `P.pushers-${projects}`;
});

async function recordPermit({ actor_id }: Actor): Promise<number> {
  acts += 1;
  const issued = event.buildPermitIssued(acts);
  await ledger.appendOrThrow([{ ...issued, payload: { ...issued.payload, actor_id } } as NewEvent]);
  return acts;
}

/** Records the receipt of a push to `tip`, with or without the commits it brought. */
async function recordReceipt(
  act: number,
  { actor_id }: Actor,
  tip: number,
  brought?: readonly number[],
  jobType: JobType = "git.registry.push",
): Promise<void> {
  const artifact = { branch: "feature/x", ...(brought === undefined ? {} : { brought: brought.map(event.toObjectId) }) };
  const refs = [{ name: "refs/heads/feature/x", old: ZERO_ID, new: event.toObjectId(tip) }];
  const signed = { ...event.buildReceipt(act, "success", refs, project), jobType, artifacts: ["{", JSON.stringify(artifact)] };
  await ledger.appendOrThrow([
    { type: "receipt.recorded", key: `receipt.recorded/${signed.jti}`, payload: { receipt: signed, actor_id, card_id: null } },
  ]);
}

async function recordPush(who: Actor, tip: number, brought?: readonly number[]): Promise<void> {
  await recordReceipt(await recordPermit(who), who, tip, brought);
}

const readPushers = (...commits: number[]) =>
  findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: commits.map(event.toObjectId) });

test("the pushers of a commit are the persons who brought it or moved a branch to it, per project", async () => {
  await recordPush(ADMIN, 2, [1, 2]);
  await recordPush(MIRA, 3, [3]);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await readPushers(1, 3)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await recordPush(MIRA, 2, []);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await readPushers(2)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  project = "P.elsewhere";
  await recordPush(ADMIN, 9, [9]);
  expect(await readPushers(9)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("the proposer of a merge is a pusher of the commit it made or fast-forwarded to", async () => {
  await recordPush(ADMIN, 1, [1]);
  await recordReceipt(await recordPermit(MIRA), MIRA, 2, [2], "git.registry.merge_protected");
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await readPushers(2)).toEqual({ person_ids: [MIRA.person_id], exact: true });
  await recordReceipt(await recordPermit(MIRA), MIRA, 1, [], "git.registry.merge_protected");
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await recordReceipt(await recordPermit(MIRA), MIRA, 9, [9], "git.registry.tag_release");
  expect(await readPushers(9)).toMatchObject({ exact: false });
});

test("an act without pushed commits has no pushers", async () => {
  await recordPush(MIRA, 1, [1]);
  expect(await readPushers()).toEqual({ person_ids: [], exact: true });
});

test("a push that names no commits counts for a commit unless it ended before the permit of the push that brought it", async () => {
  await recordPush(MIRA, 1);
  await recordPush(ADMIN, 2, [2]);
  expect(await readPushers(2)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const act = await recordPermit(ADMIN);
  await recordPush(MIRA, 1);
  await recordReceipt(act, ADMIN, 3, [3]);
  expect(await readPushers(3)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
});

test("every actual and possible pusher of the project counts if a commit belongs to no push or there are too many commits", async () => {
  await recordPush(ADMIN, 1, [1]);
  expect(await readPushers(1, 2)).toEqual({ person_ids: [ADMIN.person_id], exact: false });
  await recordPermit(MIRA);
  const allPushers = { person_ids: [ADMIN.person_id, MIRA.person_id], exact: false };
  expect(await readPushers(1, 2)).toEqual(allPushers);
  expect(await findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: null })).toEqual(allPushers);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("a running push counts for every commit until it ends", async () => {
  await recordPush(ADMIN, 1, [1]);
  const act = await recordPermit(MIRA);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const issued = event.buildCommandIssued(act, { project });
  await ledger.appendOrThrow([{ ...issued, payload: { ...issued.payload, actor_id: MIRA.actor_id } } as NewEvent]);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await recordReceipt(act, MIRA, 2, [2]);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("the migration that adds the table inserts the rows that a rebuild would make", async () => {
  const refs = (...news: number[]) => news.map((n) => ({ name: `refs/heads/feature/${n}`, old: ZERO_ID, new: event.toObjectId(n) }));
  await older.appendOrThrow([
    event.buildPermitIssued(2),
    event.buildReceiptRecorded(2, refs(1, 2, 0)),
    event.buildReceiptRecorded(4, refs(3), { status: "error" }),
    event.buildReceiptRecorded(6, [{ name: "refs/tags/v1", old: ZERO_ID, new: event.toObjectId(4) }]),
  ]);
  await sql`drop table registry_pushed_commits`.execute(older.db);
  for (const statement of pushedCommitsMigration) await statement.execute(older.db);
  expect((await older.readProjectionRows())["registry_pushed_commits"]).toHaveLength(3);
  expect(await verifyProjections(older.db, event.TENANT)).toMatchObject({ ok: true });
});
