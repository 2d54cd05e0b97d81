import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACT_REFS, LAST_ACT_REFS, PREVIOUS_ACT_REFS } from "../../../src/domain/git/ref-name.js";
import type { Effects } from "../../../src/lab512/jobs/job.js";
import { findLastAct, findPreviousAct } from "../../../src/repository/refs/act-records.js";
import { readRefs } from "../../../src/repository/refs/refs-state.js";
import { Repositories } from "../../../src/repository/repositories.js";
import { Clone } from "../../repository/real-git.js";
import {
  BACKENDS,
  copyPrefix,
  dieAfterStep,
  executeTestJob,
  openStage,
  PROJECT,
  type Stage,
  storeReceipt,
  TENANT,
  value,
} from "./stage.js";
import { createForgetfulStore } from "./unreliable-store.js";

describe.each(BACKENDS)("the acts of a project on the %s store", (backend) => {
  let stage: Stage;
  let other: Repositories;
  const clone = new Clone();
  clone.commit("a", "base");
  const bundle = clone.bundle("main");
  let branches = 0;

  beforeAll(async () => {
    stage = await openStage(backend);
    other = new Repositories(join(stage.folder, "other-runner"));
    await stage.init();
  });
  afterAll(async () => {
    await other.close();
    await stage.close();
  });

  const readState = async () => (await readRefs(stage.store, { tenant_id: TENANT, project_id: PROJECT }))?.refs ?? new Map();
  const readLast = async () => findLastAct(await readState());
  const buildParams = async () => {
    branches += 1;
    const branch = `feature/${branches}`;
    const subject_hash = await stage.stage(bundle);
    return { project_id: PROJECT, branch, expected_old: "0".repeat(40), commit_summary: "x", subject_hash };
  };
  const push = async (jti: string, changes = {}, params?: Awaited<ReturnType<typeof buildParams>>): Promise<Effects> =>
    value(await executeTestJob(stage.buildContext(changes), "git.registry.push", params ?? (await buildParams()), jti));

  it("each name the one before, without a gap, although two Runners race", async () => {
    const first = await readLast();
    expect(first).not.toBeNull();
    const jtis = Array.from({ length: 12 }, (): string => randomUUID());
    const effects = await Promise.all(jtis.map((jti, at) => push(jti, at % 2 === 0 ? {} : { repositories: other })));
    const previous = new Map(jtis.map((jti, at) => [jti, effects[at]?.previous_act]));
    const walked: string[] = [];
    for (let at = await readLast(); at !== null && at !== first; at = previous.get(at) ?? null) walked.push(at);
    expect(walked.sort()).toEqual(jtis.sort());
  });

  it("name the same act before when a retry finds that the refs had moved, although other acts have followed", async () => {
    const [jti, params, before] = [randomUUID(), await buildParams(), await readLast()];
    await expect(push(jti, dieAfterStep("moved"), params)).rejects.toThrow("died");
    const next = await push(randomUUID());
    expect(next.previous_act).toBe(jti);
    expect((await push(jti, { repositories: other }, params)).previous_act).toBe(before);
    expect((await push(jti, {}, params)).previous_act).toBe(before);
  });

  it("name the act before when the response to the write was lost", async () => {
    const before = await readLast();
    expect(before).not.toBeNull();
    const effects = await push(randomUUID(), { store: createForgetfulStore(stage.store, /packed-refs$/, 1) });
    expect(effects.previous_act).toBe(before);
  });

  it("leave the last act named after the records of all acts are removed", async () => {
    for (const name of (await readState()).keys())
      if (name.startsWith(ACT_REFS)) await storeReceipt(stage.store, name.slice(ACT_REFS.length));
    let last = "";
    for (let round = 0; round < 8; round++) {
      last = randomUUID();
      await push(last);
      await storeReceipt(stage.store, last);
    }
    const [refs, jti] = [await readState(), randomUUID()];
    expect(findLastAct(refs)).toBe(last);
    expect((await push(jti)).previous_act).toBe(last);
    const after = await readState();
    const listJtis = (prefix: string) => [...after.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.split("/")[3]);
    expect(listJtis(LAST_ACT_REFS)).toEqual([jti]);
    expect(findPreviousAct(after, jti)).toBe(last);
    // What came before an act is kept exactly as long as its record.
    expect(listJtis(PREVIOUS_ACT_REFS).sort()).toEqual(listJtis(ACT_REFS).sort());
    expect(listJtis(ACT_REFS)).toHaveLength(1);
  });

  it("leave records that git fsck accepts and that clients of stock git do not see", async () => {
    const copy = await copyPrefix(stage);
    execFileSync("git", ["--git-dir", copy, "fsck", "--strict"], { stdio: "pipe" });
    const target = join(stage.folder, "mirror");
    execFileSync("git", ["clone", "-q", "--mirror", copy, target], { stdio: "pipe" });
    expect(execFileSync("git", ["--git-dir", target, "for-each-ref"]).toString()).not.toContain("refs/ubl/");
  });
});
