import { describe, expect, it } from "vitest";
import { parseActRecord, toEvidenceLines, toRecordLine } from "../../src/domain/act/act-record.js";
import { omitPatchBytes } from "../../src/domain/act/job.js";
import { type SignedStatement, signedStatementSchema } from "../../src/domain/card/statement.js";
import { envelope, signedStatement } from "./samples.js";

const command = omitPatchBytes(envelope);
const statements: readonly SignedStatement[] = [signedStatementSchema.parse(signedStatement)];
const evidence = { card: null, plan: null, statements, attestations: [] };
const log = toRecordLine({ at_ms: 1, log: "won the claim" });
const lines = toEvidenceLines(command, evidence);
const parse = (...texts: readonly string[]) => parseActRecord(Buffer.from(texts.join("")));

describe("an act record", () => {
  it("is read as it was written", () => {
    expect(parse(log, ...lines)).toEqual({ ok: true, value: { command, evidence, log: ["won the claim"] } });
  });

  it.each([
    ["the command is missing", [log], "command"],
    ["a line is repeated of which there is one", [...lines, ...lines.slice(0, 1)], "command"],
    ["a line is of no known kind", [...lines, '{"other":1}\n'], ""],
    ["a line has a member that is not known", [...lines, '{"at_ms":1,"log":"x","other":1}\n'], "log"],
    ["a line has another spelling", [...lines, '{"log":"x","at_ms":1}\n'], "log"],
    ["a member is written twice", [...lines, '{"at_ms":1,"at_ms":1,"log":"x"}\n'], ""],
    ["the last line does not end", [...lines, '{"at_ms":1,"log":"x"}'], ""],
    ["there is a decision without its input", [...lines, toRecordLine({ decision: buildDenial() })], "decision"],
  ] as const)("is refused if %s", (_, texts, member) => {
    expect(parse(...texts)).toMatchObject({ ok: false, member });
  });
});

function buildDenial() {
  const times = { permit_ttl_ms: 0, decide_within_ms: 0, max_run_ms: 0 };
  return { allowed: false, level: null, reasons: [{ rule: "a.b", text: "No." }], requires: [], ...times };
}
