import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import { computeCardActId } from "../../src/domain/act/act-id.js";
import { hashSubject } from "../../src/domain/act/job.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { Outcome } from "../../src/domain/denial.js";
import type { PlannedAct } from "../../src/domain/flow/lab512-steps.js";
import { tenantSeedSchema } from "../../src/lab256/identity/seed.js";
import { readSeededAllowances } from "../../src/stack/founding/allowlist.js";
import { foundCharters } from "../../src/stack/founding/charter.js";
import { readDefaultPolicy } from "../../src/stack/founding/policy.js";
import { openStore } from "../../src/storage/open.js";
import { buildAuthority, type CardSigner } from "../lab512/runner/commands.js";
import { AUTHOR, toActorId, toPersonId } from "../lab512/runner/members.js";
import { driveActivity } from "./drive-activity.js";
import { openPlace, type Place, type RunnerProcess, startRunner, TENANT } from "./lab512-process.js";
import { listListeningSockets, listProcessTree, listSocketInodes } from "./open-sockets.js";

const MEMBERS = [
  { actor_id: toActorId("ana"), person_id: toPersonId("ana") },
  { actor_id: AUTHOR, person_id: toPersonId("ana") },
  { actor_id: toActorId("bob"), person_id: toPersonId("bob") },
].map((actor) => ({ ...actor, display_name: actor.actor_id, offices: [{ office_id: "office::default" }] }));

const hasProc = existsSync("/proc/self/net/tcp");

describe("the Runner's process", () => {
  let place: Place;
  let runner: RunnerProcess;
  let policyHash: string;
  let connectionCount = 0;
  /** Listens at the address of the database. */
  const databaseListener = createServer((socket) => {
    connectionCount += 1;
    socket.destroy();
  });
  let databasePort = 0;

  beforeAll(async () => {
    await once(databaseListener.listen(0, "127.0.0.1"), "listening");
    databasePort = (databaseListener.address() as AddressInfo).port;
    place = await openPlace("isolation");
    const store = await openStore(place.rootStore);
    policyHash = await foundCharters(
      store,
      [tenantSeedSchema.parse({ tenant_id: TENANT, actors: MEMBERS })],
      { ...place.keys, allowances: await readSeededAllowances([TENANT]) },
      await readDefaultPolicy(),
    );
    await store.close();
    runner = await startRunner({ ...place.environment, DATABASE_URL: `postgresql://ogr:ogr@127.0.0.1:${databasePort}/ogr` });
  });
  afterAll(async () => {
    await runner?.stop();
    await place?.close();
    await once(databaseListener.close(), "close");
  });

  it("has no database and no private keys except its own in its environment", async () => {
    const names = Object.keys(place.environment);
    expect(names).not.toContain("DATABASE_URL");
    expect(JSON.stringify(place.environment)).not.toContain("postgres");
    const secret: string[] = [];
    for (const [name, value] of Object.entries(place.environment)) {
      if (
        value.startsWith("/") &&
        existsSync(value) &&
        /\.(pem|json)$/.test(value) &&
        (await readFile(value, "utf8")).includes("PRIVATE KEY")
      )
        secret.push(name);
    }
    expect(secret).toEqual(["OGR_RECEIPT_KEY_FILE", "OGR_GIT_KEY_FILE"]);
  });

  it.skipIf(!hasProc)("inherits no variable beyond its environment", async () => {
    const text = await readFile(`/proc/${runner.pid}/environ`, "utf8");
    const names = text.split("\0").flatMap((entry) => (entry === "" ? [] : [entry.split("=")[0] ?? ""]));
    const given = [...Object.keys(place.environment), "DATABASE_URL", "PATH", "HOME", "TMPDIR", "NODE_OPTIONS"];
    expect(names.filter((name) => !given.includes(name))).toEqual([]);
  });

  it("registers a project through Temporal in this environment", async () => {
    const params = { project_id: "P.served", name: "Served", owners: ["office::default"], visibility: "private" as const };
    const shared = { tenant_id: TENANT, jobType: "git.registry.init" as const, target: "LAB_512" as const, office_id: "office::default" };
    const bound = { subject_hash: hashSubject(params), policy_hash: policyHash };
    const drive = (name: string, input: unknown) => driveActivity(inject("servers").temporal_address, place.namespace, name, input);
    const { jobType, ...asked } = shared;
    const planned = (await drive("planAct", { ...asked, jobType, params })) as Outcome<PlannedAct>;
    if (!planned.ok) throw new Error(planned.denial.message);
    const { plan_digest } = planned.value;
    const signer: CardSigner = {
      statementKey: readSigningKey(place.keys.files.statement),
      now: Date.now,
      assert: () => {
        throw new Error("an approval at L3 needs no passkey");
      },
    };
    const about = { tenant_id: TENANT, job: { jobType, params }, level: "L3", office_id: "office::default", plan_digest } as const;
    const { authority, scopes } = buildAuthority(signer, about);
    const { card_id, jobId } = authority.card;
    const jti = computeCardActId(TENANT, card_id, 1, plan_digest);
    const permit = signObject(
      "permit",
      {
        aud: "runner:LAB_512",
        jti,
        iat: Date.now(),
        exp: Date.now() + 60_000,
        max_run_ms: 60_000,
        scopes: { ...shared, ...bound, ...scopes, charter_version: 1, actor_id: AUTHOR },
      },
      readSigningKey(place.keys.files.permit),
    );
    const envelope = { ...shared, ...bound, jti, jobId, params, permit };
    const answer = await drive("runCommand", { envelope, authority, round: 1 });
    expect(answer).toMatchObject({ kind: "receipt", receipt: { status: "success", jti } });
  });

  it.skipIf(!hasProc)("and its children listen on no socket", async () => {
    const tree = await listProcessTree(runner.pid);
    expect(tree.length, "the Runner starts git through a child process").toBeGreaterThan(1);
    expect((await listSocketInodes(runner.pid)).size, "it talks to Temporal and the store").toBeGreaterThan(0);
    expect(await listListeningSockets(runner.pid)).toEqual([]);
  });

  it("never connects to the database even if its environment has the address", async () => {
    expect(connectionCount).toBe(0);
    const control = connect(databasePort, "127.0.0.1");
    await once(control, "close");
    expect(connectionCount).toBe(1);
  });
});

describe.skipIf(!hasProc)("listListeningSockets", () => {
  it("finds TCP sockets of both families and Unix sockets only while they listen", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ogr-listen-"));
    const before = await listListeningSockets(process.pid);
    const path = join(folder, "x.sock");
    const servers = [createServer().listen(0, "127.0.0.1"), createServer().listen(path)];
    await Promise.all(servers.map((server) => once(server, "listening")));
    const added = (await listListeningSockets(process.pid)).filter((one) => !before.includes(one));
    expect(added).toEqual([expect.stringMatching(/^\d+ tcp 0100007F:/), expect.stringMatching(new RegExp(`^\\d+ unix ${path}$`))]);
    for (const server of servers) await once(server.close(), "close");
    expect((await listListeningSockets(process.pid)).filter((one) => added.includes(one))).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
