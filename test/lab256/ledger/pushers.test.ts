import { sql } from "kysely";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { JobType } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { pushedCommitsMigration } from "../../../src/lab256/database/migrations/0006-pushed-commits.js";
import { seedTenant } from "../../../src/lab256/identity/seed.js";
import { findPushers } from "../../../src/lab256/ledger/queries/pushers.js";
import { verifyProjections } from "../../../src/lab256/ledger/verify-projections.js";
import { ADMIN, buildUblTenant, MIRA } from "../identity/people.js";
import * as event from "./events.js";
import { useLedgerDatabase } from "./ledger-database.js";

const ledger = useLedgerDatabase("ledger pushers");
const older = useLedgerDatabase("ledger older pushes");

type Who = Pick<typeof ADMIN, "actor_id">;

let project: string;
let acts = 0;
let projects = 0;

beforeAll(() => ledger.db.transaction().execute((trx) => seedTenant(trx, buildUblTenant(), 1_000)));
beforeEach(() => {
  projects += 1;
  project = `P.pushers-${projects}`;
});

async function recordPermit({ actor_id }: Who): Promise<number> {
  acts += 1;
  const issued = event.buildPermitIssued(acts);
  await ledger.appendOrThrow([{ ...issued, payload: { ...issued.payload, actor_id } } as NewEvent]);
  return acts;
}

/** The receipt of a push to `tip`, which names what it brought, or nothing. */
async function recordReceipt(
  act: number,
  { actor_id }: Who,
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

async function recordPush(who: Who, tip: number, brought?: readonly number[]): Promise<void> {
  await recordReceipt(await recordPermit(who), who, tip, brought);
}

const readPushers = (...commits: number[]) =>
  findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: commits.map(event.toObjectId) });

test("the pushers of commits are who brought them and who moved a branch to them, in this project", async () => {
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

test("who proposed a merge has pushed the commit that it made, and moved the target to what it did not make", async () => {
  await recordPush(ADMIN, 1, [1]);
  await recordReceipt(await recordPermit(MIRA), MIRA, 2, [2], "git.registry.merge_protected");
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await readPushers(2)).toEqual({ person_ids: [MIRA.person_id], exact: true });
  await recordReceipt(await recordPermit(MIRA), MIRA, 1, [], "git.registry.merge_protected");
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await recordReceipt(await recordPermit(MIRA), MIRA, 9, [9], "git.registry.tag_release");
  expect(await readPushers(9)).toMatchObject({ exact: false });
});

test("an act without commits that were pushed has no pushers", async () => {
  await recordPush(MIRA, 1, [1]);
  expect(await readPushers()).toEqual({ person_ids: [], exact: true });
});

test("a push that names nothing is ruled out only where it was over before the permit of one that brought the commit", async () => {
  await recordPush(MIRA, 1);
  await recordPush(ADMIN, 2, [2]);
  expect(await readPushers(2)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const act = await recordPermit(ADMIN);
  await recordPush(MIRA, 1);
  await recordReceipt(act, ADMIN, 3, [3]);
  expect(await readPushers(3)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
});

test("where a commit is no push's, or they are too many, all who ever pushed or still may are its pushers", async () => {
  await recordPush(ADMIN, 1, [1]);
  expect(await readPushers(1, 2)).toEqual({ person_ids: [ADMIN.person_id], exact: false });
  await recordPermit(MIRA);
  const everybody = { person_ids: [ADMIN.person_id, MIRA.person_id], exact: false };
  expect(await readPushers(1, 2)).toEqual(everybody);
  expect(await findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: null })).toEqual(everybody);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("a push that runs counts as its actor's, whatever it turns out to bring, and no longer once it is over", async () => {
  await recordPush(ADMIN, 1, [1]);
  const act = await recordPermit(MIRA);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const issued = event.buildCommandIssued(act, { project });
  await ledger.appendOrThrow([{ ...issued, payload: { ...issued.payload, actor_id: MIRA.actor_id } } as NewEvent]);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await recordReceipt(act, MIRA, 2, [2]);
  expect(await readPushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("a database that is older than the table gets the rows that a rebuild would make", async () => {
  const refs = (...news: number[]) => news.map((n) => ({ name: `refs/heads/feature/${n}`, old: ZERO_ID, new: event.toObjectId(n) }));
  await older.appendOrThrow([
    event.buildPermitIssued(2),
    event.buildReceiptRecorded(2, refs(1, 2, 0)),
    event.buildReceiptRecorded(4, refs(3), { status: "error" }),
    event.buildReceiptRecorded(6, [{ name: "refs/tags/v1", old: ZERO_ID, new: event.toObjectId(4) }]),
  ]);
  await sql`drop table registry_pushed_commits`.execute(older.db);
  await pushedCommitsMigration.up(older.db);
  expect((await older.readProjectionRows())["registry_pushed_commits"]).toHaveLength(3);
  expect(await verifyProjections(older.db, event.TENANT)).toMatchObject({ ok: true });
});
