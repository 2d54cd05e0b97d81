import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TelemetryAppendParams } from "../../src/domain/act/job.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import type { TelemetryLine } from "../../src/domain/telemetry/line.js";
import type { JobContext, JobStep } from "../../src/lab512/jobs/job.js";
import { buildDashboardText, buildMonthSummary } from "../../src/planning/telemetry/dashboard.js";
import { addLine, buildEmptySummary } from "../../src/planning/telemetry/summary.js";
import { Repositories } from "../../src/repository/repositories.js";
import {
  code,
  copyPrefix,
  dieAfterStep,
  executeTestJob,
  IAT,
  MAIN_BACKEND,
  openStage,
  planTestJob,
  type Stage,
  value,
} from "../lab512/jobs/stage.js";
import { createForgetfulStore } from "../lab512/jobs/unreliable-store.js";
import { buildBatch, buildLine, TELEMETRY } from "./lines.js";

const JOB = "git.registry.telemetry_append";

describe("git.registry.telemetry_append", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage(MAIN_BACKEND);
    await stage.init(TELEMETRY);
  });
  afterEach(() => stage.close());

  async function buildParams(lines: readonly TelemetryLine[], from_seq: number): Promise<TelemetryAppendParams> {
    const subject_hash = await stage.stage(buildBatch(lines));
    return { project_id: TELEMETRY, from_seq, to_seq: lines.at(-1)?.seq ?? 0, lines: lines.length, subject_hash };
  }
  const append = async (lines: readonly TelemetryLine[], from_seq: number, jti?: string, changes: Partial<JobContext> = {}) =>
    executeTestJob(stage.buildContext(changes), JOB, await buildParams(lines, from_seq), jti);

  /** Opens a copy of the stored repository with stock git. */
  async function openMirror() {
    const folder = await copyPrefix(stage, TELEMETRY);
    const git = (...args: string[]) => execFileSync("git", ["--git-dir", folder, ...args]).toString("utf8");
    return { git, file: (path: string) => git("show", `main:${path}`) };
  }
  const november = "telemetry/v1/repos/T.UBL_P.demo/2026-11.jsonl";

  it("commits lines by project and month into a repository that stock git can fsck and clone", async () => {
    const late = buildLine(4, { at: "2026-12-01T00:00:00.000Z" });
    const other = buildLine(3, { project_id: "P.other" });
    const effects = value(await append([buildLine(1), buildLine(2), other, late], 0));
    value(await append([buildLine(6), buildLine(8)], 4));
    const { git, file } = await openMirror();
    expect(file(november)).toBe(buildBatch([buildLine(1), buildLine(2), buildLine(6), buildLine(8)]).toString());
    expect(file("telemetry/v1/repos/T.UBL_P.demo/2026-12.jsonl")).toBe(buildBatch([late]).toString());
    expect(file("telemetry/v1/repos/T.UBL_P.other/2026-11.jsonl")).toBe(buildBatch([other]).toString());
    expect(git("ls-tree", "-r", "--name-only", "main").trim().split("\n")).toHaveLength(5);
    const fileBytes = buildBatch([buildLine(1), buildLine(2)]).length;
    expect(effects.artifacts).toEqual([
      { telemetry_repo: `T.UBL/${TELEMETRY}`, from_seq: 0, to_seq: 4, commit: effects.commit, file_bytes: fileBytes },
    ]);
    expect(git("log", "--format=%at %ct %s", "main").trim().split("\n")).toEqual([
      `${Math.floor(IAT / 1000)} ${Math.floor(IAT / 1000)} telemetry: 2 acts of 1 project`,
      `${Math.floor(IAT / 1000)} ${Math.floor(IAT / 1000)} telemetry: 4 acts of 2 projects`,
    ]);
    git("fsck", "--strict");
    execFileSync("git", ["clone", "-q", git("rev-parse", "--absolute-git-dir").trim(), join(stage.folder, "clone")]);
  });

  it("builds each dashboard from all lines of its project, read or summarised", async () => {
    const first = [buildLine(1), buildLine(2, { status: "denied", code: "ref_moved" })];
    const second = [buildLine(5, { at: "2026-12-01T00:00:00.000Z", wall_ms: 70_000 }), buildLine(6)];
    value(await append(first, 0));
    value(await append(second, 2));
    const { git, file } = await openMirror();
    const months = ["2026-11", "2026-12"].map((month) => {
      const path = `telemetry/v1/repos/T.UBL_P.demo/${month}.jsonl`;
      const summary = buildEmptySummary();
      for (const text of file(path).trim().split("\n")) addLine(summary, JSON.parse(text));
      const of = { tenant_id: "T.UBL", project_id: "P.demo", telemetry_project_id: TELEMETRY };
      return buildMonthSummary(of, month, git("rev-parse", `main:${path}`).trim(), summary);
    });
    const of = { tenant_id: "T.UBL", project_id: "P.demo", telemetry_project_id: TELEMETRY };
    expect(file("telemetry/v1/dashboards/T.UBL_P.demo/dashboard.json")).toBe(buildDashboardText(of, months));
    expect(months.map(({ acts }) => acts)).toEqual([3, 1]);
  });

  it.each<JobStep>(["looked", "fetched", "checked", "stored", "moved"])(
    "is applied exactly once if its Runner dies after %s",
    async (step) => {
      const other = new Repositories(join(stage.folder, "other-runner"));
      const [previous_act, jti] = [randomUUID(), randomUUID()];
      value(await append([buildLine(1)], 0, previous_act));
      await expect(append([buildLine(2), buildLine(3)], 1, jti, dieAfterStep(step))).rejects.toThrow(`died after ${step}`);
      const effects = value(await append([buildLine(2), buildLine(3)], 1, jti, { repositories: other }));
      expect(value(await append([buildLine(2), buildLine(3)], 1, jti))).toMatchObject({ refs: effects.refs, previous_act });
      await other.close();
      expect((await openMirror()).file(november)).toBe(buildBatch([buildLine(1), buildLine(2), buildLine(3)]).toString());
    },
  );

  it("is applied exactly once if the response to its conditional write is lost", async () => {
    value(await append([buildLine(1)], 0, undefined, { store: createForgetfulStore(stage.store, /packed-refs$/, 1) }));
    expect((await openMirror()).file(november)).toBe(buildBatch([buildLine(1)]).toString());
  });

  it("recognises lines that an earlier act has stored", async () => {
    const lines = [buildLine(1), buildLine(2), buildLine(5)];
    const first = value(await append(lines, 0));
    const again = value(await append(lines, 0));
    expect({ refs: again.refs, commit: again.commit }).toEqual({ refs: [], commit: first.commit });
    value(await append([...lines, buildLine(6)], 0));
    const { git, file } = await openMirror();
    expect(file(november)).toBe(buildBatch([...lines, buildLine(6)]).toString());
    expect(git("rev-list", "--count", "main").trim()).toBe("2");
  });

  it("denies a gap, and lines that differ between repository and ledger", async () => {
    value(await append([buildLine(1), buildLine(3)], 0));
    expect(code(await append([buildLine(9)], 5))).toBe("telemetry_conflict");
    expect(code(await append([buildLine(1), buildLine(3, { status: "error" })], 0))).toBe("telemetry_conflict");
    expect(code(await append([buildLine(2), buildLine(4)], 0))).toBe("telemetry_conflict");
    expect(code(await append([buildLine(1), buildLine(2)], 0))).toBe("telemetry_conflict");
    expect((await openMirror()).file(november)).toBe(buildBatch([buildLine(1), buildLine(3)]).toString());
  });

  it("lets one of two concurrent appends win and stores no line twice", async () => {
    const other = new Repositories(join(stage.folder, "other-runner"));
    const outcomes = await Promise.all([
      append([buildLine(1), buildLine(2)], 0),
      append([buildLine(1), buildLine(2), buildLine(3)], 0, undefined, { repositories: other }),
    ]);
    await other.close();
    expect(outcomes.filter((outcome) => outcome.ok).length).toBeGreaterThan(0);
    const texts = (await openMirror()).file(november).trim().split("\n");
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("writes nothing for a line of another org or for another org's repository", async () => {
    const listKeys = async () => {
      const found: string[] = [];
      for (const space of ["repos/", "registry-metadata/", "artifacts/"])
        for await (const key of stage.store.blobs.list(space)) found.push(key);
      return found;
    };
    const before = await listKeys();
    expect(code(await append([buildLine(1), buildLine(2, { tenant_id: "T.OTHER" })], 0))).toBe("telemetry_misrouted");
    expect(code(await append([buildLine(1, { telemetry_repo: `T.OTHER/${TELEMETRY}` })], 0))).toBe("telemetry_misrouted");
    expect(code(await append([buildLine(1, { project_id: "P.x/../../../../T.OTHER" })], 0))).toBe("telemetry_invalid");
    const elsewhere = { ...(await buildParams([buildLine(1)], 0)), project_id: "P.elsewhere" };
    expect(code(await executeTestJob(stage.buildContext(), JOB, elsewhere))).toBe("project_unknown");
    expect(await listKeys()).toEqual(before);
  });

  it("reads only the staged bytes that its act names", async () => {
    const params = await buildParams([buildLine(1)], 0);
    expect(code(await executeTestJob(stage.buildContext(), JOB, { ...params, subject_hash: hashBlake3Hex(Buffer.from("other")) }))).toBe(
      "staged_bytes_missing",
    );
  });

  it("plans the commit that it makes", async () => {
    value(await append([buildLine(1)], 0));
    const plan = value(await planTestJob(stage.buildContext(), JOB, await buildParams([buildLine(2)], 1)));
    const effects = value(await append([buildLine(2)], 1));
    const { git } = await openMirror();
    expect(plan.basis.refs).toEqual([{ name: "refs/heads/main", old: effects.refs[0]?.old, new: null }]);
    expect(plan.basis.creates.map((made) => "tree" in made && made.tree)).toEqual([git("rev-parse", "main^{tree}").trim()]);
  });
});
