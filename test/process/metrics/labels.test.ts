import { describe, expect, it } from "vitest";
import { DENIAL_CODES } from "../../../src/domain/denial.js";
import { apiMetrics, countRefusal, countRequest } from "../../../src/process/metrics/api.js";
import { buildRegistries, listSeries } from "./all-metrics.js";

/** The allowed labels. Each has only values that are listed in the sources. */
const LABELS = [
  ...["activity", "age", "against", "at", "clock", "code", "dependency", "job_type", "level", "method", "outcome", "result"],
  ...["route", "status", "task_queue", "type", "le"],
];
/** Labels of prom-client's process metrics. */
const PROCESS_LABELS = ["kind", "space", "version", "major", "minor", "patch"];

describe("labels", () => {
  it("name no tenant, project, person or card in any process", () => {
    for (const [name, labels] of listSeries(Object.values(buildRegistries())))
      for (const label of labels) expect([...LABELS, ...PROCESS_LABELS, "type"], name).toContain(label);
  });

  it("have a bounded number of values for any request", async () => {
    for (let n = 0; n < 50; n++) {
      countRequest(`METHOD${n}`, undefined, 404, 1);
      countRefusal(`code_${n}`);
    }
    const { values } = (await apiMetrics.getSingleMetric("ogr_http_requests_total")?.get()) ?? { values: [] };
    expect(values.map(({ labels, value }) => [labels, value])).toEqual([[{ method: "none", route: "none", status: 404 }, 50]]);
    const denials = await apiMetrics.getSingleMetric("ogr_denials_total")?.get();
    expect(denials?.values.map(({ labels }) => (labels as { code: string }).code)).toEqual([...DENIAL_CODES]);
  });

  it("include the code of a denial", async () => {
    countRefusal("not_fast_forward");
    const denials = await apiMetrics.getSingleMetric("ogr_denials_total")?.get();
    expect(denials?.values.filter(({ value }) => value > 0).map(({ labels }) => labels)).toEqual([
      { at: "http", code: "not_fast_forward" },
    ]);
  });
});
