import { sql } from "kysely";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { JobType } from "../../../src/domain/act/job.js";
import { ZERO_ID } from "../../../src/domain/git/git-id.js";
import type { NewEvent } from "../../../src/domain/ledger/event.js";
import { pushedCommitsMigration } from "../../../src/lab256/database/migrations/0006-pushed-commits.js";
import { seedTenant } from "../../../src/lab256/identity/seed.js";
import { findPushers } from "../../../src/lab256/ledger/queries/pushers.js";
import { verifyProjections } from "../../../src/lab256/ledger/verify-projections.js";
import { ADMIN, MIRA, ubl } from "../identity/people.js";
import * as event from "./events.js";
import { ledgerDatabase } from "./ledger-database.js";

const ledger = ledgerDatabase("ledger pushers");
const older = ledgerDatabase("ledger older pushes");

type Who = Pick<typeof ADMIN, "actor_id">;

let project: string;
let acts = 0;
let projects = 0;

beforeAll(() => ledger.db.transaction().execute((trx) => seedTenant(trx, ubl(), 1_000)));
beforeEach(() => {
  projects += 1;
  project = `P.pushers-${projects}`;
});

async function permit({ actor_id }: Who): Promise<number> {
  acts += 1;
  const issued = event.permitIssued(acts);
  await ledger.appended([{ ...issued, payload: { ...issued.payload, actor_id } } as NewEvent]);
  return acts;
}

/** The receipt of a push to `tip`, which names what it brought, or nothing. */
async function receipt(
  act: number,
  { actor_id }: Who,
  tip: number,
  brought?: readonly number[],
  jobType: JobType = "git.registry.push",
): Promise<void> {
  const artifact = { branch: "feature/x", ...(brought === undefined ? {} : { brought: brought.map(event.objectId) }) };
  const refs = [{ name: "refs/heads/feature/x", old: ZERO_ID, new: event.objectId(tip) }];
  const signed = { ...event.receipt(act, "success", refs, project), jobType, artifacts: ["{", JSON.stringify(artifact)] };
  await ledger.appended([
    { type: "receipt.recorded", key: `receipt.recorded/${signed.jti}`, payload: { receipt: signed, actor_id, card_id: null } },
  ]);
}

async function pushed(who: Who, tip: number, brought?: readonly number[]): Promise<void> {
  await receipt(await permit(who), who, tip, brought);
}

const pushers = (...commits: number[]) =>
  findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: commits.map(event.objectId) });

test("the pushers of commits are who brought them and who moved a branch to them, in this project", async () => {
  await pushed(ADMIN, 2, [1, 2]);
  await pushed(MIRA, 3, [3]);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await pushers(1, 3)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await pushed(MIRA, 2, []);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await pushers(2)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  project = "P.elsewhere";
  await pushed(ADMIN, 9, [9]);
  expect(await pushers(9)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("who proposed a merge has pushed the commit that it made, and moved the target to what it did not make", async () => {
  await pushed(ADMIN, 1, [1]);
  await receipt(await permit(MIRA), MIRA, 2, [2], "git.registry.merge_protected");
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  expect(await pushers(2)).toEqual({ person_ids: [MIRA.person_id], exact: true });
  await receipt(await permit(MIRA), MIRA, 1, [], "git.registry.merge_protected");
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await receipt(await permit(MIRA), MIRA, 9, [9], "git.registry.tag_release");
  expect(await pushers(9)).toMatchObject({ exact: false });
});

test("an act without commits that were pushed has no pushers", async () => {
  await pushed(MIRA, 1, [1]);
  expect(await pushers()).toEqual({ person_ids: [], exact: true });
});

test("a push that names nothing is ruled out only where it was over before the permit of one that brought the commit", async () => {
  await pushed(MIRA, 1);
  await pushed(ADMIN, 2, [2]);
  expect(await pushers(2)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const act = await permit(ADMIN);
  await pushed(MIRA, 1);
  await receipt(act, ADMIN, 3, [3]);
  expect(await pushers(3)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
});

test("where a commit is no push's, or they are too many, all who ever pushed or still may are its pushers", async () => {
  await pushed(ADMIN, 1, [1]);
  expect(await pushers(1, 2)).toEqual({ person_ids: [ADMIN.person_id], exact: false });
  await permit(MIRA);
  const everybody = { person_ids: [ADMIN.person_id, MIRA.person_id], exact: false };
  expect(await pushers(1, 2)).toEqual(everybody);
  expect(await findPushers(ledger.db, { tenant_id: event.TENANT, project_id: project, commits: null })).toEqual(everybody);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("a push that runs counts as its actor's, whatever it turns out to bring, and no longer once it is over", async () => {
  await pushed(ADMIN, 1, [1]);
  const act = await permit(MIRA);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
  const issued = event.commandIssued(act, { project });
  await ledger.appended([{ ...issued, payload: { ...issued.payload, actor_id: MIRA.actor_id } } as NewEvent]);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id, MIRA.person_id], exact: true });
  await receipt(act, MIRA, 2, [2]);
  expect(await pushers(1)).toEqual({ person_ids: [ADMIN.person_id], exact: true });
});

test("a database that is older than the table gets the rows that a rebuild would make", async () => {
  const refs = (...news: number[]) => news.map((n) => ({ name: `refs/heads/feature/${n}`, old: ZERO_ID, new: event.objectId(n) }));
  await older.appended([
    event.permitIssued(2),
    event.receiptRecorded(2, refs(1, 2, 0)),
    event.receiptRecorded(4, refs(3), { status: "error" }),
    event.receiptRecorded(6, [{ name: "refs/tags/v1", old: ZERO_ID, new: event.objectId(4) }]),
  ]);
  await sql`drop table registry_pushed_commits`.execute(older.db);
  await pushedCommitsMigration.up(older.db);
  expect((await older.projectionRows())["registry_pushed_commits"]).toHaveLength(3);
  expect(await verifyProjections(older.db, event.TENANT)).toMatchObject({ ok: true });
});
