import { afterEach, describe, expect, it, vi } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.js";
import { createOutput, reportFailure } from "../../src/cli/terminal/output.js";

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
    const shown = "Release\uFFFD[2K\uFFFDnothing \uFFFDgnihton\uFFFD of\uFFFD note\n\tsecond line\n";
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
