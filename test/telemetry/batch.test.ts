import { describe, expect, it } from "vitest";
import { parseTelemetryBatch } from "../../src/domain/telemetry/batch.js";
import { formatTelemetryLine, type TelemetryLine } from "../../src/domain/telemetry/line.js";
import { buildBatch, buildLine, TELEMETRY } from "./lines.js";

const claim = { tenant_id: "T.UBL", project_id: TELEMETRY, from_seq: 4, to_seq: 9, lines: 2 };
const good = [buildLine(7), buildLine(9)];

/** Parses a batch. Returns the code of the denial or the lines' seqs. */
function judgeBatch(bytes: Uint8Array, changes: Partial<typeof claim> = {}) {
  const parsed = parseTelemetryBatch(bytes, { ...claim, ...changes });
  return parsed.ok ? parsed.value.map(({ line }) => line.seq) : parsed.denial.code;
}

const second = (line: TelemetryLine) => buildBatch([buildLine(7), line]);

describe("a batch of telemetry", () => {
  it("is parsed line by line without change", () => {
    const parsed = parseTelemetryBatch(buildBatch(good), claim);
    expect(parsed.ok && parsed.value.map(({ text }) => text)).toEqual(good.map(formatTelemetryLine));
  });

  it.each<[string, Uint8Array]>([
    ["of another tenant", second(buildLine(9, { tenant_id: "T.OTHER" }))],
    ["for another tenant's repository", second(buildLine(9, { telemetry_repo: `T.OTHER/${TELEMETRY}` }))],
    ["for another repository of its own tenant", second(buildLine(9, { telemetry_repo: "T.UBL/P.elsewhere" }))],
    ["for a repository whose name has the same prefix", second(buildLine(9, { telemetry_repo: `T.UBL/${TELEMETRY}2` }))],
  ])("with a line %s is misrouted", (_, bytes) => {
    expect(judgeBatch(bytes)).toBe("telemetry_misrouted");
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["about an append of telemetry", second(buildLine(9, { job_type: "git.registry.telemetry_append" })), /have no telemetry lines/],
    ["whose project is a path", second(buildLine(9, { project_id: "P.x/../../../T.OTHER_P.y" })), /Line 2: project_id:/],
    ["whose month is a path", second(buildLine(9, { at: "../../../../x" })), /Line 2: at:/],
    [
      "with an unknown member",
      Buffer.from(`${formatTelemetryLine(buildLine(7))}${formatTelemetryLine({ ...buildLine(9), message: "hello" } as TelemetryLine)}`),
      /Line 2: message: This member is not known/,
    ],
    [
      "that is JSON and not canonical",
      Buffer.from(`${formatTelemetryLine(buildLine(7))}${JSON.stringify(buildLine(9))}\n`),
      /not canonical/,
    ],
    [
      "with a duplicate member",
      Buffer.from(`${formatTelemetryLine(buildLine(7))}${formatTelemetryLine(buildLine(9)).replace('{"', '{"seq":8,"')}`),
      /Line 2: it is not JSON with one meaning/,
    ],
    ["that is not JSON", Buffer.from(`${formatTelemetryLine(buildLine(7))}seq 9\n`), /Line 2: it is not JSON with one meaning/],
    ["without a line end", buildBatch(good).subarray(0, -1), /has no line feed/],
    ["with a lower seq than the previous one", buildBatch([buildLine(9), buildLine(7)]), /Line 2: its seq is 7/],
    ["that is repeated", buildBatch([buildLine(9), buildLine(9)]), /Line 2: its seq is 9/],
    ["that is too long", second(buildLine(9, { telemetry_repo: "x".repeat(5000) })), /more than 4096 bytes/],
  ])("with a line %s is invalid, and the denial has the reason", (_, bytes, why) => {
    expect(parseTelemetryBatch(bytes, claim)).toMatchObject({
      ok: false,
      denial: { code: "telemetry_invalid", message: expect.stringMatching(why) },
    });
  });

  it.each<[string, Partial<typeof claim>]>([
    ["more lines than it has", { lines: 3 }],
    ["another end than its last line", { to_seq: 10 }],
    ["a start after its first line", { from_seq: 7 }],
  ])("that claims %s is invalid", (_, changes) => {
    expect(judgeBatch(buildBatch(good), changes)).toBe("telemetry_invalid");
  });
});
