import { Writable } from "node:stream";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import { beforeEach, describe, expect, it } from "vitest";
import { createProcessLog } from "../../../src/process/log.js";
import { activityMetrics } from "../../../src/process/metrics/activities.js";
import { createActivityObserver } from "../../../src/worker/observed-activities.js";

const JTI = "8ea00635-8715-8bed-ab95-6ef4102797b9";
const lines: Record<string, unknown>[] = [];

beforeEach(() => {
  lines.length = 0;
  activityMetrics.resetMetrics();
});

/** Runs an attempt at a step like a worker, with log level `info`. */
async function attempt(workflowId: string, step: () => Promise<unknown>, workflowType = "officialAct"): Promise<unknown> {
  const sink = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(JSON.parse(String(chunk))) as undefined) });
  const log = createProcessLog("lab256", "info", sink);
  const info = { activityType: "recordAnswer", attempt: 3, workflowType, workflowExecution: { workflowId, runId: "r" } };
  return new MockActivityEnvironment(info, {
    interceptors: [createActivityObserver(log)],
    logger: new DefaultLogger("ERROR", () => undefined),
  }).run(step);
}

const failures = async () => (await activityMetrics.getSingleMetric("ogr_activity_failures_total")?.get())?.values;

describe("the log line of a step", () => {
  it("names the tenant and the act by its card or jti", async () => {
    await attempt("card/T.UBL/k-1", async () => null);
    await attempt(`act/T.UBL/${JTI}`, async () => null);
    const line = { name: "lab256", tenant_id: "T.UBL", activity: "recordAnswer", attempt: 3, outcome: "ok", took_ms: expect.any(Number) };
    expect(lines).toMatchObject([
      { ...line, correlation_id: "k-1" },
      { ...line, correlation_id: JTI },
    ]);
  });

  it.each([
    [
      { kind: "receipt", receipt: { status: "error", code: "ref_moved", jti: JTI, sig: "s" } },
      { outcome: "error", code: "ref_moved", jti: JTI },
    ],
    [
      { kind: "refusal", refusal: { status: "denied", code: "wrong_target", jti: JTI } },
      { outcome: "refused", code: "wrong_target", jti: JTI },
    ],
    [
      { ok: false, denial: { code: "policy_denied", message: "No." } },
      { outcome: "denied", code: "policy_denied" },
    ],
    [
      { ok: true, value: { envelope: { jti: JTI, permit: { sig: "s" } } } },
      { outcome: "ok", jti: JTI },
    ],
    [
      { status: "expired", denial: { code: "run_by_passed", message: "Late." } },
      { outcome: "expired", code: "run_by_passed" },
    ],
    ["free", { outcome: "free" }],
    [undefined, { outcome: "ok" }],
  ])("has only the outcome of %j", async (answer, said) => {
    expect(await attempt("card/T.UBL/k-1", async () => answer)).toEqual(answer);
    const { level, time, pid, name, correlation_id, tenant_id, activity, attempt: tried, took_ms, ...rest } = lines[0] ?? {};
    expect(rest).toEqual(said);
  });

  it("warns of a fault with a truncated reason, and the fault is counted and rethrown", async () => {
    const fault = attempt("card/T.UBL/k-1", () => Promise.reject(new Error("x".repeat(5000))));
    await expect(fault).rejects.toThrow("xxx");
    expect(lines).toMatchObject([{ level: 40, outcome: "failed", correlation_id: "k-1" }]);
    expect(String(lines[0]?.["reason"]).length).toBe(500);
    expect(await failures()).toMatchObject([{ labels: { activity: "recordAnswer" }, value: 1 }]);
  });

  it("is not written for successful bookkeeping", async () => {
    await attempt("housekeeping-1", async () => 0, "housekeeping");
    expect(lines).toEqual([]);
    await expect(attempt("housekeeping-1", () => Promise.reject(new Error("away")), "housekeeping")).rejects.toThrow("away");
    expect(lines).toMatchObject([{ outcome: "failed", correlation_id: "housekeeping-1" }]);
  });
});
