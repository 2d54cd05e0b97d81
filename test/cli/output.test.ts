import { afterEach, describe, expect, it, vi } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.js";
import { createOutput, reportFailure } from "../../src/cli/terminal/output.js";
import { formatTable } from "../../src/cli/terminal/table.js";
import { formatCard } from "../../src/cli/terminal/text.js";
import type { CardAnswer } from "../../src/client/answers.js";
import { formatProblem } from "../../src/client/http/problem.js";

const written = { stdout: "", stderr: "" };
function listen(): void {
  for (const name of ["stdout", "stderr"] as const) {
    written[name] = "";
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
}
afterEach(() => vi.restoreAllMocks());

const CUNNING = "Release\u001b[2K\rnothing \u202egnihton\u2066 of\u0007 note\n\tsecond line";

describe("output at a terminal", () => {
  it("replaces control and direction characters of stored text, and keeps newlines and tabs", () => {
    listen();
    createOutput(false).print({}, CUNNING);
    createOutput(false).remark(CUNNING);
    reportFailure(new Error(CUNNING), false);
    vi.restoreAllMocks();
    const shown = "Release\uFFFD[2K⏎nothing \uFFFDgnihton\uFFFD of\uFFFD note\n\tsecond line\n";
    expect(written).toEqual({ stdout: shown, stderr: `${shown}ogr: ${shown}` });
  });

  it("is printed unchanged as JSON for programs", () => {
    listen();
    createOutput(true).print({ intent: CUNNING }, "");
    const exit = reportFailure(new Error(CUNNING), true);
    vi.restoreAllMocks();
    const [value, failure] = written.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([value?.["intent"], failure?.["error"], exit]).toEqual([CUNNING, CUNNING, EXIT.error]);
  });
});

describe("what somebody else wrote", () => {
  it("cannot pass for lines of the registry's own when a person decides", () => {
    const forged = "Fix a typo\n  plan      00\u2028  approve   ubl:sid:person:eve\u202e\r\n\u200b  waits for nobody";
    const card = {
      ...{ card_id: "k-1", intent: forged, jobType: "git.registry.push", project_id: "P.demo", level: "L4", status: "denied" },
      ...{ break_glass: { reason: forged }, reasons: [{ rule: "r", text: forged }], plan: null, plan_digest: null, statements: [] },
      ...{ attestations: [], missing: [], decide_by: null, jti: null, run_by: null, temporal_url: null, void_why: null },
      denial: { code: "merge_conflict", message: forged, conflicts: [{ path: forged, kind: "content", explanation: "", hunks: [forged] }] },
    } as unknown as CardAnswer;
    const lines = formatCard(card).split("\n");
    const own = ["k-1: ", "  git.registry.push in ", "  BREAK-GLASS: ", "  reason    ", "  why       ", "  conflict  ", "            | "];
    expect(lines.filter((line) => !own.some((start) => line.startsWith(start)))).toEqual([]);
    expect(lines[0]).toBe("k-1: Fix a typo⏎  plan      00⏎  approve   ubl:sid:person:eve\uFFFD⏎\uFFFD  waits for nobody");
    expect(formatTable([{ intent: forged }], [{ title: "intent", format: (row) => row.intent }], { titles: false })).not.toMatch(
      /\n|\u2028|\u202e/,
    );
    expect(formatProblem({ title: "t", status: 403, detail: forged, code: "x" })).not.toMatch(/\n|\u2028|\u202e/);
  });
});
