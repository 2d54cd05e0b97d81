import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSigningKey } from "../../src/configuration/keys.js";
import type { TelemetryAppendParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { signObject } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { toStagingKey } from "../../src/domain/storage-key.js";
import { TELEMETRY_SERVICE } from "../../src/domain/telemetry/service.js";
import { buildUnsignedPermit } from "../../src/lab256/permits/permits.js";
import { createRepositoryFiles, registerRepository } from "../../src/lab512/git/repository-records.js";
import type { FlowState } from "../../src/workflows/messages.js";
import { actByCard, buildRegistrationJob } from "../harness/acting.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { formatRegistryJson } from "../infra-engine/registries.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { requireRefusal } from "../scenarios/acts.js";
import { readOfficialState } from "../scenarios/stored-state.js";
import { buildBatch, buildLine, TELEMETRY } from "./lines.js";

// Mallory wants lines of one org in another org's telemetry. First she has a member's token. Then she has LAB 256's permit key, its
// staging area and Temporal, so that only the Runner's checks are left.

const APPEND = "git.registry.telemetry_append";
const infra = join(createTemporaryFolder("ogr-infra-"), "telemetry-registry.v2.json");

let registry: ServedRegistry;
let temporal: TemporalTestClient;

beforeAll(async () => {
  writeFileSync(
    infra,
    formatRegistryJson({ [`T.UBL/${TELEMETRY}`]: "enabled production", [`T.OTHER/${TELEMETRY}`]: "enabled production" }),
  );
  // The registry appends no telemetry itself.
  const variables = { lab256: { OGR_HOUSEKEEPING_EVERY_S: "86400" } };
  registry = await startRegistryInProcess({ name: "misrouted", infra: `file:${infra}`, variables });
  temporal = await openTemporalClient(registry.temporal);
  await actByCard(registry, buildRegistrationJob(TELEMETRY));
  // The other org has a repository of the same name: what would be written there could be.
  const name = { tenant_id: "T.OTHER", project_id: TELEMETRY };
  await createRepositoryFiles(registry.store, name);
  await registerRepository(registry.store, name, randomUUID());
});
afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

/** Reads the official state without receipts, since an act that is denied after its claim has a receipt. */
async function readWritten(): Promise<Record<string, string>> {
  const state = await readOfficialState(registry);
  return Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith("receipts/")));
}

/** Stages a batch for a tenant like LAB 256. Returns the params of its act. */
async function stageLines(tenant: string, lines: Parameters<typeof buildBatch>[0]): Promise<TelemetryAppendParams> {
  const bytes = buildBatch(lines);
  const subject_hash = hashBlake3Hex(bytes);
  await registry.store.blobs.create(toStagingKey(tenant, subject_hash), bytes);
  return { project_id: TELEMETRY, from_seq: 0, to_seq: lines.at(-1)?.seq ?? 1, lines: lines.length, subject_hash };
}

/** Starts a command directly in Temporal with a permit by LAB 256's key that no policy allowed. */
async function startForced(tenant_id: string, params: TelemetryAppendParams): Promise<FlowState> {
  const { actor_id, office_id } = TELEMETRY_SERVICE;
  const target = "LAB_512" as const;
  const { policy_hash, keys } = registry.founded;
  const permit = signObject(
    "permit",
    buildUnsignedPermit({
      jti: randomUUID(),
      iat: Date.now(),
      requester: { actor_id },
      request: { tenant_id, jobType: APPEND, target, office_id, params },
      decision: { level: "L0", permit_ttl_ms: 60_000, max_run_ms: 60_000 },
      policy_hash,
      versions: { charter_version: 1, ...(tenant_id === "T.UBL" ? {} : { operator_version: 1 }) },
      infra: { state: "enabled", context: "production", telemetry_repo: `${tenant_id}/${TELEMETRY}`, is_registry: false },
    }),
    readSigningKey(keys.permit),
  );
  const { jti, scopes } = permit;
  const { subject_hash } = scopes;
  const jobId = `job-${jti}`;
  const envelope = {
    jti,
    tenant_id,
    jobId,
    jobType: APPEND,
    params,
    subject_hash,
    policy_hash,
    permit,
    target,
    office_id,
  } as CommandEnvelope;
  const args = [{ kind: "command", envelope, actor_id }];
  return temporal.client.workflow.execute("officialAct", { args, taskQueue: "LAB_256", workflowId: `act/${tenant_id}/${jti}` });
}

describe("telemetry by another actor than the service", () => {
  it.each([
    ["admin", "office::default"],
    ["admin", "office:registry"],
    ["ci", "office::default"],
  ])("is refused for %s through %s by permit and by card", async (name, office_id) => {
    const before = await readWritten();
    const wanted = {
      jobType: APPEND,
      params: await stageLines("T.UBL", [buildLine(1)]),
      target: "LAB_512",
      intent: "Mallory's",
      office_id,
    };
    const refused = requireRefusal(await registry.as(name).requestPermit(wanted));
    expect(refused).toMatchObject({ status: 403, code: "policy_denied" });
    expect(refused.detail).toContain("by the registry itself, as its service, and by nobody else");
    expect(await registry.as(name).openCard(wanted)).toMatchObject({
      ok: true,
      value: { status: "denied", denial: { code: "policy_denied" } },
    });
    expect(await readWritten()).toEqual(before);
  });

  it("is refused for a member who claims to be the service", async () => {
    const { connection } = registry.as("admin");
    const body = {
      tenant_id: "T.UBL",
      actor_id: TELEMETRY_SERVICE.actor_id,
      office_id: TELEMETRY_SERVICE.office_id,
      jobType: APPEND,
      params: await stageLines("T.UBL", [buildLine(1)]),
      target: "LAB_512",
      intent: "Mallory's",
      context: {},
    };
    const answer = await fetch(new URL("/v1/policy/permit", connection.server), {
      method: "POST",
      headers: { authorization: `Bearer ${connection.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect({ status: answer.status, code: ((await answer.json()) as { code: string }).code }).toEqual({ status: 403, code: "forbidden" });
  });
});

describe("telemetry by a stolen key of LAB 256", () => {
  const theirs = { tenant_id: "T.OTHER", telemetry_repo: `T.OTHER/${TELEMETRY}` };

  it.each([
    ["a line of another org", "T.UBL", [buildLine(1), buildLine(2, { tenant_id: "T.OTHER" })]],
    ["a line for another org's repository", "T.UBL", [buildLine(1, { telemetry_repo: `T.OTHER/${TELEMETRY}` })]],
    ["only another org's lines", "T.UBL", [buildLine(1, theirs)]],
    ["its own org's lines, as another org's act", "T.OTHER", [buildLine(1)]],
  ])("with %s is refused by the Runner without a write in either org", async (_, tenant, lines) => {
    const before = await readWritten();
    const { status, denial } = await startForced(tenant, await stageLines(tenant, lines));
    expect({ status, code: denial?.code }).toEqual({
      status: "error",
      code: "telemetry_misrouted",
    });
    expect(await readWritten()).toEqual(before);
  });

  it("with a path outside the repository is refused by the Runner", async () => {
    const before = await readWritten();
    const params = await stageLines("T.UBL", [buildLine(1, { project_id: "P.x/../../../../T.OTHER_P.y" })]);
    expect(await startForced("T.UBL", params)).toMatchObject({ status: "error", denial: { code: "telemetry_invalid" } });
    expect(await startForced("T.UBL", { ...params, project_id: `../T.OTHER/${TELEMETRY}` })).toMatchObject({ status: "denied" });
    expect(await readWritten()).toEqual(before);
  });

  it("with another org's staged bytes is refused, since the Runner reads only the tenant's own", async () => {
    const before = await readWritten();
    expect(await startForced("T.UBL", await stageLines("T.OTHER", [buildLine(3)]))).toMatchObject({
      status: "error",
      denial: { code: "staged_bytes_missing" },
    });
    expect(await readWritten()).toEqual(before);
  });

  it("with the org's own lines is accepted by the Runner, which shows that the refusals have the stated reasons", async () => {
    expect(await startForced("T.UBL", await stageLines("T.UBL", [buildLine(5)]))).toMatchObject({ status: "success" });
  });
});
