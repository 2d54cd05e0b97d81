import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/act/job.js";
import type { SigningKey } from "../../../src/domain/bytes/signature.js";
import { splitSignedCommit, verifyGitSignature } from "../../../src/domain/git/git-signature.js";
import { toClaimKey } from "../../../src/domain/storage-key.js";
import type { RunnerDependencies } from "../../../src/lab512/runner/dependencies.js";
import { appendCharterEntry } from "../../../src/stack/founding/charter.js";
import { Clone } from "../../repository/real-git.js";
import { approveJob, buildRunnerCommand, readTip, registerByRunner, runEnvelope, stagePushJob, waitForReceipt } from "./commands.js";
import { expectRefusal } from "./evidence.js";
import { createWorldKey, openWorld, TENANT, toJwks, type World } from "./world.js";

const OTHER = "P.other";
const PROJECT = { tenant_id: TENANT, project_id: "P.demo" };
const DIFF = Buffer.from("diff --git a/n.txt b/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/n.txt\n@@ -0,0 +1 @@\n+new\n");

describe("a Runner", () => {
  let world: World;
  let deps: RunnerDependencies;
  /** A commit that the registry made while its first git key was valid. */
  let madeBefore: Buffer;
  beforeAll(async () => {
    world = await openWorld();
    deps = await world.openRunner();
    await registerByRunner(world, deps);
    await registerByRunner(world, deps, OTHER);
    const made = await waitForReceipt(runEnvelope(deps, await command("feature/made", 1)));
    expect(made).toMatchObject({ status: "success" });
    madeBefore = await readTipObject("feature/made");
  });
  afterAll(() => world.close());

  /** Replaces the first git key. Returns the new version. */
  const replaceKey = async (next: SigningKey): Promise<number> => {
    const founding = world.keys.founding.get(TENANT);
    if (founding === undefined) throw new Error("The tenant has no founding key.");
    const params = { add: [{ use: "git" as const, jwk: next.jwk, revoked: false }], revoke: [world.keys.git.kid] };
    return appendCharterEntry(world.store, TENANT, founding, { jobType: "registry.keys.rotate", params });
  };
  const stageDiff = (branch: string): Promise<Job> => stagePushJob(world, DIFF, { branch });
  const command = async (branch: string, charter_version: number) =>
    buildRunnerCommand(world, { job: await stageDiff(branch), scopes: { charter_version } });
  async function readTipObject(branch: string): Promise<Buffer> {
    const repository = await (await deps.getRepositories(TENANT)).open(deps.store, PROJECT, new AbortController().signal);
    const object = await repository?.getReader().read((await readTip(world, branch)) ?? "");
    await repository?.close();
    return object?.bytes ?? Buffer.alloc(0);
  }
  async function readSigner(branch: string, ...keys: readonly SigningKey[]) {
    const signed = splitSignedCommit(await readTipObject(branch));
    return signed && verifyGitSignature(signed, toJwks(...keys));
  }

  it("refuses to act on a project with a git key that the charter does not name, and claims nothing", async () => {
    const runner = await world.openRunner({ gitKey: createWorldKey() });
    const envelope = await command("feature/unknown", 1);
    const refusal = await expectRefusal(world, runner, envelope, "git_key_invalid");
    expect(refusal.error).toContain("not a valid git key in version 1");
    expect(refusal.error).toContain("registry.keys.rotate");
    expect(await world.store.blobs.stat(toClaimKey(TENANT, envelope.jti))).toBeUndefined();
    // Neither with a key of the charter for another use.
    await expectRefusal(
      world,
      await world.openRunner({ gitKey: world.keys.receipt }),
      await command("feature/other", 1),
      "git_key_invalid",
    );
    expect(await waitForReceipt(runEnvelope(deps, envelope))).toMatchObject({ status: "success" });
    expect(await readSigner("feature/unknown", world.keys.git)).toBe("valid");
  });

  it("with a key that the charter does not name carries out the change that adds it, and acts with it under permits from then on", async () => {
    const key = createWorldKey();
    const runner = await world.openRunner({ gitKey: key });
    const earlier = await command("feature/earlier", 1);
    const add = [{ use: "git" as const, jwk: key.jwk, revoked: false }];
    const job: Job = { jobType: "registry.keys.rotate", params: { project_id: "_", add, revoke: [] } };
    const scopes = await approveJob(world, runner, job, "L5", "office:registry");
    expect(await waitForReceipt(runEnvelope(runner, buildRunnerCommand(world, { job, scopes })))).toMatchObject({ status: "success" });
    // Everybody verifies the commit by the version that the permit names, which lacks the key.
    const refusal = await expectRefusal(world, runner, earlier, "git_key_invalid");
    expect(refusal.error).toContain("The permit is older than the key");
    const receipt = await waitForReceipt(runEnvelope(runner, await command("feature/later", 2)));
    expect(receipt).toMatchObject({ status: "success", charter_version: 2 });
    expect(await readSigner("feature/later", key)).toBe("valid");
    expect(await readSigner("feature/later", world.keys.git)).toBe("key_unknown");
  });

  it("makes no commit with a key that was revoked after its claim, when it carries the act on", async () => {
    const { version } = await readCharter();
    const key = createWorldKey();
    const envelope = await command("feature/revoked", version);
    const dying = await world.openRunner({
      onStep: (_, step) => {
        if (step === "fetched") throw new Error("died");
      },
    });
    await expect(runEnvelope(dying, envelope)).rejects.toThrow("died");
    const next = await replaceKey(key);
    expect(await waitForReceipt(runEnvelope(deps, envelope, { attempt: 2 }))).toMatchObject({ status: "denied", code: "git_key_invalid" });
    expect(await readTip(world, "feature/revoked")).toBeUndefined();
    await expectRefusal(world, deps, await command("feature/revoked-too", next), "git_key_invalid");
    deps = await world.openRunner({ gitKey: key });
    expect(await waitForReceipt(runEnvelope(deps, await command("feature/replaced", next)))).toMatchObject({ status: "success" });
  });

  it("accepts a pushed commit of the registry no longer once the git key that signed it is revoked", async () => {
    const clone = new Clone();
    clone.commit("n.txt", "new\n");
    const made = clone.writeObject("commit", madeBefore);
    clone.git("update-ref", "refs/heads/made", made);
    const { version } = await readCharter();
    const push = await stagePushJob(world, clone.bundle("made"), { branch: "feature/again", project_id: OTHER });
    const envelope = buildRunnerCommand(world, { job: push, scopes: { charter_version: version } });
    expect(await waitForReceipt(runEnvelope(deps, envelope))).toMatchObject({ status: "error", code: "registry_impersonated" });
    expect(await readTip(world, "feature/again", OTHER)).toBeUndefined();
  });

  async function readCharter() {
    const charter = await (await world.openRunner()).charters.readNewest(TENANT);
    if (!charter.ok) throw new Error(charter.denial.message);
    return charter.value;
  }
});
