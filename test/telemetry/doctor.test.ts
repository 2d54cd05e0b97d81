import { beforeAll, expect, it } from "vitest";
import { checkTelemetry } from "../../src/cli/host/doctor/telemetry.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { createTenant } from "../../src/lab256/identity/tenants.js";
import { advanceTelemetryCursor } from "../../src/lab256/ledger/telemetry-cursor.js";
import { buildPermitIssued, buildReceiptRecorded, TENANT } from "../lab256/ledger/events.js";
import { useLedgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = useLedgerDatabase("telemetry-doctor");
const FINISHED_MS = Date.parse("2026-01-31T12:00:00Z");
const HOUR_MS = 3_600_000;

/** Records a finished act. With `hasInfra`, it has a telemetry line. */
async function recordFinished(n: number, { hasInfra }: { readonly hasInfra: boolean }): Promise<number> {
  const issued = buildPermitIssued(n);
  if (issued.type !== "permit.issued") throw new TypeError("no permit");
  const { permit } = issued.payload;
  const scopes = { ...permit.scopes, ...(hasInfra ? { infra_hash: "e".repeat(64) } : {}) };
  const events: NewEvent[] = [{ ...issued, payload: { ...issued.payload, permit: { ...permit, scopes } } }, buildReceiptRecorded(n, [])];
  return (await ledger.appendOrThrow(events, TENANT, FINISHED_MS)).at(-1)?.seq ?? 0;
}

const runDoctor = (afterMs: number) => checkTelemetry(ledger.url, FINISHED_MS + afterMs);

beforeAll(() => createTenant(ledger.db, { tenant_id: TENANT, transport: "temporal" }));

it("the doctor reports a stuck telemetry flow, and none that waits for more acts or has no lines", async () => {
  await recordFinished(1, { hasInfra: false });
  expect(await runDoctor(9 * HOUR_MS)).toMatchObject([{ check: "telemetry", state: "ok" }]);
  const seq = await recordFinished(2, { hasInfra: true });
  expect(await runDoctor(HOUR_MS)).toMatchObject([{ state: "ok" }]);
  expect(await runDoctor(2 * HOUR_MS)).toMatchObject([
    {
      state: "problem",
      text: `Entry ${seq} of the ledger of ${TENANT} has waited for its line since 2026-01-31T12:00:00.000Z.`,
      next: expect.stringContaining(`telemetry/${TENANT}`),
    },
  ]);
  await advanceTelemetryCursor(ledger.db, TENANT, seq);
  expect(await runDoctor(2 * HOUR_MS)).toMatchObject([{ state: "ok" }]);
});
