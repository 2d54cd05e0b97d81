import { beforeAll, expect, it } from "vitest";
import { checkTelemetry } from "../../src/cli/host/doctor/telemetry.js";
import type { NewEvent } from "../../src/domain/ledger/event.js";
import { createTenant } from "../../src/lab256/identity/tenants.js";
import { advanceTelemetryCursor } from "../../src/lab256/ledger/telemetry-cursor.js";
import { permitIssued, receiptRecorded, TENANT } from "../lab256/ledger/events.js";
import { ledgerDatabase } from "../lab256/ledger/ledger-database.js";

const ledger = ledgerDatabase("telemetry-doctor");
const FINISHED_MS = Date.parse("2026-01-31T12:00:00Z");
const HOUR_MS = 3_600_000;

/** An act that finished then; one of a time with an infra registry has a line coming. */
async function finished(n: number, { has_infra }: { readonly has_infra: boolean }): Promise<number> {
  const issued = permitIssued(n);
  if (issued.type !== "permit.issued") throw new TypeError("no permit");
  const { permit } = issued.payload;
  const scopes = { ...permit.scopes, ...(has_infra ? { infra_hash: "e".repeat(64) } : {}) };
  const events: NewEvent[] = [{ ...issued, payload: { ...issued.payload, permit: { ...permit, scopes } } }, receiptRecorded(n, [])];
  return (await ledger.appended(events, TENANT, FINISHED_MS)).at(-1)?.seq ?? 0;
}

const doctor = (after_ms: number) => checkTelemetry(ledger.url, FINISHED_MS + after_ms);

beforeAll(() => createTenant(ledger.db, { tenant_id: TENANT, transport: "temporal" }));

it("the doctor finds a telemetry flow that is stuck, and none that only waits for more acts, or has nothing to tell", async () => {
  await finished(1, { has_infra: false });
  expect(await doctor(9 * HOUR_MS)).toMatchObject([{ check: "telemetry", state: "ok" }]);
  const seq = await finished(2, { has_infra: true });
  expect(await doctor(HOUR_MS)).toMatchObject([{ state: "ok" }]);
  expect(await doctor(2 * HOUR_MS)).toMatchObject([
    {
      state: "problem",
      text: `Entry ${seq} of the ledger of ${TENANT} has waited for its line since 2026-01-31T12:00:00.000Z.`,
      next: expect.stringContaining(`telemetry/${TENANT}`),
    },
  ]);
  await advanceTelemetryCursor(ledger.db, TENANT, seq);
  expect(await doctor(2 * HOUR_MS)).toMatchObject([{ state: "ok" }]);
});
