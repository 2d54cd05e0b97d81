import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAppendMessage, parseLastSeq } from "../../src/domain/telemetry/last-seq.js";
import type { TelemetryLine } from "../../src/domain/telemetry/line.js";
import { toDashboardPath, toLinesPath, toMonth } from "../../src/domain/telemetry/paths.js";
import { buildDashboardText, buildMonthSummary, parseKnownMonths } from "../../src/planning/telemetry/dashboard.js";
import { addLine, buildEmptySummary, joinSummaries } from "../../src/planning/telemetry/summary.js";
import { buildLine, TELEMETRY } from "./lines.js";

function sumLines(lines: readonly TelemetryLine[]) {
  const summary = buildEmptySummary();
  for (const line of lines) addLine(summary, line);
  return summary;
}

const lines = fc.uniqueArray(
  fc
    .tuple(fc.integer({ min: 1, max: 5000 }), fc.constantFrom("success", "error", "denied", "expired"), fc.nat(100_000), fc.boolean())
    .map(([seq, status, wall_ms, ran]) => {
      const { wall_ms: _, ...line } = buildLine(seq, { status: status as TelemetryLine["status"], refs: seq % 3 });
      return ran ? { ...line, wall_ms } : { ...line, code: "permit_expired" };
    }),
  { selector: ({ seq }) => seq, maxLength: 60 },
);

describe("a summary", () => {
  it("has the totals of its lines", () => {
    const { wall_ms: _, ...refused } = buildLine(12, { status: "denied", code: "ref_moved", level: "L4", refs: 0 });
    expect(sumLines([buildLine(10), buildLine(11, { status: "error", code: "ref_moved", wall_ms: 2_000, refs: 0 }), refused])).toEqual({
      acts: 3,
      by_status: { success: 1, error: 1, denied: 1 },
      by_job_type: { "git.registry.push": 3 },
      by_level: { L1: 2, L4: 1 },
      by_office: { "office::default": 3 },
      by_code: { ref_moved: 2 },
      refs: 1,
      staged_bytes: 300,
      stored_bytes: 600,
      wall_ms: { acts: 2, total: 2_040, longest: 2_000, classes: [1, 0, 0, 1, 0, 0, 0] },
      first_at: "2026-11-03T00:00:10.000Z",
      last_at: "2026-11-03T00:00:12.000Z",
      last_seq: 12,
    });
  });

  it("of two joined parts equals the summary of the whole for any split", () => {
    fc.assert(
      fc.property(lines, fc.nat(60), (all, cut) => {
        expect(joinSummaries(sumLines(all.slice(0, cut)), sumLines(all.slice(cut)))).toEqual(sumLines(all));
      }),
    );
  });
});

describe("a dashboard", () => {
  const of = { tenant_id: "T.UBL", project_id: "P.demo", telemetry_project_id: TELEMETRY };
  const months = ["2026-12", "2026-11"].map((month, at) =>
    buildMonthSummary(of, month, String(at).repeat(40), sumLines([buildLine(at + 1)])),
  );

  it("has the same bytes for any order of its months", () => {
    expect(buildDashboardText(of, months)).toBe(buildDashboardText(of, months.toReversed()));
  });

  it("yields its months by their files, and none if it is not a dashboard of the registry", () => {
    const text = buildDashboardText(of, months);
    expect([...parseKnownMonths(text).keys()].sort()).toEqual([`2026-11:${"1".repeat(40)}`, `2026-12:${"0".repeat(40)}`]);
    for (const foreign of ["", "{", "{}", text.replace('"1.0"', '"9.0"')]) expect(parseKnownMonths(foreign).size).toBe(0);
  });
});

describe("the path of telemetry", () => {
  it("consists of org, repository and month in UTC", () => {
    expect(toLinesPath("T.UBL", "P.demo", toMonth({ at: "2026-11-30T23:59:59.999Z" }))).toBe(
      "telemetry/v1/repos/T.UBL_P.demo/2026-11.jsonl",
    );
    expect(toDashboardPath("T.UBL", "P.demo")).toBe("telemetry/v1/dashboards/T.UBL_P.demo/dashboard.json");
  });

  it("is committed with the last entry of the ledger in the message", () => {
    const message = formatAppendMessage({ from_seq: 3, to_seq: 41, lines: 1, projects: 1, batch: "b".repeat(64) });
    expect(message.split("\n")[0]).toBe("telemetry: 1 act of 1 project");
    expect(parseLastSeq(message)).toBe(41);
    expect(parseLastSeq("Merge main\n\nTelemetry-To-Seq: many\n")).toBeUndefined();
  });
});
