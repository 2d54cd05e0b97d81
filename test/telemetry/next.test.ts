import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Charters } from "../../src/decision/charter/charters.js";
import { PolicyCatalog } from "../../src/decision/policy/policy-catalog.js";
import { computeTelemetryActId } from "../../src/domain/act/act-id.js";
import { type NewEvent, toRegistryContainer } from "../../src/domain/ledger/event.js";
import type { Permit } from "../../src/domain/permit/permit.js";
import { openInfraSource } from "../../src/infra/source/open.js";
import type { Lab256Dependencies } from "../../src/lab256/acts/dependencies.js";
import { readChainHead } from "../../src/lab256/ledger/chain.js";
import { advanceTelemetryCursor } from "../../src/lab256/ledger/telemetry-cursor.js";
import { prepareNextTelemetry } from "../../src/lab256/telemetry/telemetry-steps.js";
import { openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { UNUSED_OPERATOR } from "../domain/samples.js";
import { throwFault } from "../harness/throw-fault.js";
import { formatRegistryJson } from "../infra-engine/registries.js";
import { buildCommandIssued, buildPermit, buildPermitIssued, buildReceiptRecorded, TENANT } from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";
import { RUNNER_KEY } from "../lab512/jobs/stage.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { TELEMETRY } from "./lines.js";

const ledger = useLedgerDatabase("telemetry-next");
const path = join(createTemporaryFolder("ogr-infra-"), "registry.json");
const EVERY_MS = 7_000;
/** The permits of these events expire at 121,000 and allow a run of 600,000, and the derivation has as long again. */
const OVER_MS = 121_000 + 600_000 + 600_000;

let store: ObjectStore;
let now = 1_000;
let acts = 0;

/** The tenant has no charter, so that a new permit is refused. */
const next = () => {
  const deps: Lab256Dependencies = {
    ...{ db: ledger.db, store, infra: openInfraSource({ kind: "file", path }, store), now: () => now },
    policies: new PolicyCatalog(new Charters(store, { ...UNUSED_OPERATOR, tenant_id: TENANT }), () => now),
    permitKey: RUNNER_KEY,
    receiptKeys: { keys: [] },
    statementKeys: { keys: [] },
    reportFault: throwFault,
    isFlowOpen: async () => true,
    telemetry: { everyMs: EVERY_MS, batchMaxLines: 2 },
  };
  return prepareNextTelemetry(deps, { tenant_id: TENANT, round: 0 });
};

const withPermit = (event: NewEvent, changes: Partial<Permit>): NewEvent => {
  if (event.type !== "permit.issued") throw new TypeError("no permit");
  const issued = event.payload.permit;
  const scopes = { ...issued.scopes, infra_hash: "e".repeat(64) };
  return { ...event, key: `${event.key}/${acts}`, payload: { ...event.payload, permit: { ...issued, scopes, ...changes } } };
};

/** Records a finished act. Returns the seq of its last entry. */
async function finish(): Promise<number> {
  acts += 1;
  const appended = await ledger.appendOrThrow([withPermit(buildPermitIssued(acts), {}), buildReceiptRecorded(acts, [])]);
  return appended.at(-1)?.seq ?? 0;
}

/** Records the permit of an append up to an entry, and its command if it was sent. */
async function begin(to_seq: number, { sent }: { readonly sent: boolean }): Promise<string> {
  acts += 1;
  const jti = computeTelemetryActId(TENANT, { project_id: TELEMETRY, from_seq: 0, to_seq }, 0);
  const command = buildCommandIssued(acts, { project: TELEMETRY });
  if (command.type !== "command.issued") throw new TypeError("no command");
  const envelope = { ...command.payload.envelope, jti, permit: { ...buildPermit(acts), jti } };
  const issued: NewEvent = { ...command, key: `command/${jti}`, payload: { ...command.payload, envelope } };
  await ledger.appendOrThrow([withPermit(buildPermitIssued(acts), { jti }), ...(sent ? [issued] : [])]);
  return jti;
}

beforeAll(async () => {
  store = await openStore({ kind: "directory", path: createTemporaryFolder("ogr-store-") });
  await ledger.db.insertInto("tenants").values({ tenant_id: TENANT, transport: "temporal" }).execute();
});
beforeEach(async () => {
  writeFileSync(path, formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled production", [`${TENANT}/${TELEMETRY}`]: "enabled production" }));
  now = 1_000;
  await advanceTelemetryCursor(ledger.db, TENANT, (await readChainHead(ledger.db, toRegistryContainer(TENANT))).seq);
});

describe("the next step of a tenant's telemetry", () => {
  it("is an append of the finished acts followed by a pause, so that a busy tenant gets no commit per act", async () => {
    const to_seq = await finish();
    await begin(to_seq, { sent: false });
    expect(await next()).toMatchObject({ state: "append", to_seq, lines: 1, wait_ms: EVERY_MS });
  });

  it("has no pause after a full batch", async () => {
    await finish();
    const to_seq = await finish();
    await finish();
    await begin(to_seq, { sent: false });
    expect(await next()).toMatchObject({ state: "append", to_seq, lines: 2, wait_ms: 0 });
  });

  it("waits for a running append until its time limit, since its flow can be lost with Temporal's state", async () => {
    const jti = await begin(await finish(), { sent: true });
    expect(await next()).toEqual({ state: "running", jti });
    now = OVER_MS;
    expect(await next()).toEqual({ state: "running", jti });
    now = OVER_MS + 1;
    expect(await next()).toMatchObject({ state: "blocked", problem: expect.stringContaining(TENANT) });
  });
});
