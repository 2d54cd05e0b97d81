import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyPact } from "../../../src/client/offline/pact.js";
import { buildPact, pactSchema, sealPact } from "../../../src/domain/act/pact.js";
import { hashBlake3Hex } from "../../../src/domain/bytes/hash.js";
import { signDsse } from "../../../src/domain/bytes/signature.js";
import type { JobStep } from "../../../src/lab512/jobs/job.js";
import { MergeProject } from "./merges.js";
import { code, dieAfterStep, MAIN_BACKEND, openStage, RUNNER_KEY, type Stage, TENANT, value } from "./stage.js";

const STRATEGIES = ["fast-forward", "merge", "squash"] as const;

describe("a merge", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
  });
  afterAll(() => stage.close());

  /** `main`, and two branches that each could be merged into it. */
  async function prepareProject(): Promise<MergeProject> {
    const project = await MergeProject.register(stage);
    project.checkOut("main").clone.commit("a.txt", "a\n");
    project.checkOut("feature/x", "main").clone.commit("x.txt", "x\n");
    project.checkOut("feature/y", "main").clone.commit("y.txt", "y\n");
    await project.push("main", "feature/x", "feature/y");
    return project;
  }

  it("returns one result on every retry after its Runner died after any step", async () => {
    const project = await prepareProject();
    const steps: readonly JobStep[] = ["looked", "fetched", "checked", "stored", "moved", "attested"];
    const cases = STRATEGIES.flatMap((strategy) => steps.map((step) => ({ strategy, step, target: `target/${strategy}-${step}` })));
    for (const { target } of cases) {
      project.clone.git("branch", target, "main");
      await project.push(target);
    }
    for (const { strategy, step, target } of cases) {
      const jti = randomUUID();
      const params = project.buildParams("feature/x", target, { strategy });
      await expect(project.merge(params, dieAfterStep(step), jti)).rejects.toThrow(`died after ${step}`);
      const again = value(await project.merge(params, { isTakenOver: true }, jti));
      const once = value(await project.merge(params, { isTakenOver: true }, jti));
      expect({ ...again, stored_bytes: 0 }, target).toEqual({ ...once, stored_bytes: 0 });
    }
    const git = await project.copy();
    for (const { strategy, target } of cases)
      expect(git("rev-list", "--count", `refs/heads/${target}`).trim(), target).toBe(strategy === "merge" ? "3" : "2");
  });

  it("is denied with ref_moved when another merge into the same target wins", async () => {
    const project = await prepareProject();
    const [x, y] = [project.buildParams("feature/x", "main"), project.buildParams("feature/y", "main")];
    const outcomes = await Promise.all([project.merge(x), project.merge(y)]);
    expect(outcomes.map(code).sort()).toEqual(["granted", "ref_moved"]);
    const git = await project.copy();
    expect(git("rev-list", "--count", "refs/heads/main").trim()).toBe("3");
  });

  it("is denied and leaves no Pact when its source moves just before the refs do", async () => {
    const project = await prepareProject();
    const params = project.buildParams("feature/x", "main");
    const jti = randomUUID();
    const step = async (name: JobStep) => {
      if (name !== "stored") return;
      project.checkOut("feature/x").clone.commit("late.txt", "late\n");
      await project.push("feature/x");
    };
    expect(code(await project.merge(params, { completeStep: step }, jti))).toBe("ref_moved");
    const git = await project.copy();
    expect(git("rev-parse", "refs/heads/main").trim()).toBe(params.expected_target);
    const pacts: string[] = [];
    for await (const key of stage.store.blobs.list(`artifacts/${TENANT}/${project.id}/`)) if (key.includes(jti)) pacts.push(key);
    expect(pacts).toEqual([]);
  });

  it("stores a Pact beside the commit, names its hash in the effects, and the Pact verifies with the Runner's key alone", async () => {
    const project = await prepareProject();
    const jti = randomUUID();
    const params = project.buildParams("feature/x", "main");
    const { effects, tip } = await project.mergeAndCopy(params, jti);
    const key = `artifacts/${TENANT}/${project.id}/${tip}/${jti}/pact.dsse.json`;
    const bytes = Buffer.from((await stage.store.blobs.get(key)) ?? []);
    expect(effects.artifacts).toContainEqual({ pact: key, blake3: hashBlake3Hex(bytes) });
    const envelope = JSON.parse(bytes.toString("utf8"));
    const verdict = verifyPact(envelope, { keys: [RUNNER_KEY.jwk] });
    expect(verdict).toMatchObject({
      valid: true,
      pact: {
        subject: [{ name: `s3://repos/${TENANT}/${project.id}.git#refs/heads/main`, digest: { gitCommit: tip } }],
        predicate: {
          jti,
          merge: { strategy: "merge", commit: tip, parents: [params.expected_target, params.expected_source] },
          runner: { keyid: RUNNER_KEY.kid },
        },
      },
      unproved: [expect.stringContaining("the permit")],
    });
    const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString("utf8"));
    statement.predicate.merge.commit = params.expected_target;
    const forged = { ...envelope, payload: Buffer.from(JSON.stringify(statement)).toString("base64") };
    expect(verifyPact(forged, { keys: [RUNNER_KEY.jwk] })).toMatchObject({ valid: false });
    expect(verifyPact(envelope, { keys: [] })).toMatchObject({ valid: false });
    const { predicate } = pactSchema.parse(JSON.parse(Buffer.from(envelope.payload, "base64").toString("utf8")));
    const sealPermit = (permit = predicate.permit) =>
      sealPact(buildPact({ ...predicate, permit, decision: { ...predicate.decision, level: "L4" } }), {
        keyid: RUNNER_KEY.kid,
        sign: (payloadType, payload) => signDsse(payloadType, payload, RUNNER_KEY),
      });
    expect(verifyPact(sealPermit(), { keys: [RUNNER_KEY.jwk] })).toMatchObject({ valid: false, why: expect.stringContaining("permit") });
    const verifyChangedPact = (merge: Partial<typeof predicate.merge>, permit = predicate.permit) =>
      verifyPact(
        sealPact(buildPact({ ...predicate, permit, merge: { ...predicate.merge, ...merge } }), {
          keyid: RUNNER_KEY.kid,
          sign: (payloadType, payload) => signDsse(payloadType, payload, RUNNER_KEY),
        }),
        { keys: [RUNNER_KEY.jwk] },
      );
    expect(verifyChangedPact({}).valid).toBe(true);
    // A genuine permit for another merge or another act does not prove this merge.
    const [other, zeros] = [{ branch: "feature/y", commit: params.expected_source }, "0".repeat(40)];
    const otherMerges = [{ source: other }, { target: { ...predicate.merge.target, commit: zeros } }, { strategy: "squash" as const }];
    for (const merge of otherMerges)
      expect(verifyChangedPact(merge)).toMatchObject({ valid: false, why: expect.stringContaining("permit") });
    const pushing = { ...predicate.permit, scopes: { ...predicate.permit.scopes, jobType: "git.registry.push" as const } };
    expect(verifyChangedPact({}, pushing)).toMatchObject({ valid: false, why: expect.stringContaining("permit") });
    expect(verifyChangedPact({ parents: [params.expected_target] })).toMatchObject({
      valid: false,
      why: expect.stringContaining("commit"),
    });
    const high = { ...predicate.permit, scopes: { ...predicate.permit.scopes, level: "L4" as const } };
    expect(verifyPact(sealPermit(high), { keys: [RUNNER_KEY.jwk] })).toMatchObject({
      unproved: [expect.stringContaining("the permit"), expect.stringContaining("no approval")],
    });
  });
});
