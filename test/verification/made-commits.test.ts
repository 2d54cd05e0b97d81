import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SigningKey } from "../../src/domain/bytes/signature.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import { splitSignedCommit } from "../../src/domain/git/git-signature.js";
import type { Receipt } from "../../src/domain/permit/receipt.js";
import { toRepoPrefix } from "../../src/domain/storage-key.js";
import { stagePushJob } from "../lab512/runner/commands.js";
import { createWorldKey, TENANT } from "../lab512/runner/world.js";
import { Clone } from "../repository/real-git.js";
import { AttackedRegistry, resign, toReceipt } from "./attacked-registry.js";
import { copyStore } from "./store-copy.js";

// The attacker has the copy and the keys that the story names, and no founding key and no passkey of an approver.

let attacked: AttackedRegistry;
beforeAll(async () => {
  attacked = await AttackedRegistry.open();
});
afterAll(() => attacked.close());

describe("a commit that the registry made does not hold", () => {
  let branches = 0;
  /** Merges on a Runner with another git key. Returns the receipt and the commit. */
  async function mergeWith(gitKey: SigningKey, base: string): Promise<{ made: Receipt; commit: string }> {
    branches += 1;
    const branch = `feature/key-${branches}`;
    const clone = new Clone();
    const first = clone.commit("k.txt", `${branches}\n`);
    await attacked.run(await stagePushJob(attacked.world, clone.bundle("HEAD"), { branch }));
    const target = `release/key-${branches}`;
    await attacked.run(
      {
        jobType: MERGE,
        params: { project_id: "P.demo", source: branch, target, expected_source: first, expected_target: ZERO_ID, strategy: "merge" },
      },
      "L5",
    );
    const next = clone.commit("l.txt", base);
    await attacked.run(await stagePushJob(attacked.world, clone.bundle("HEAD"), { branch, expected_old: first }));
    const params = {
      project_id: "P.demo",
      source: branch,
      target,
      expected_source: next,
      expected_target: first,
      strategy: "merge" as const,
    };
    const own = attacked.deps;
    attacked.deps = await attacked.world.openRunner({ gitKey });
    const made = await attacked.run({ jobType: MERGE, params }, "L5").finally(() => {
      attacked.deps = own;
    });
    return { made, commit: made.refs[0]?.new ?? "" };
  }
  const MERGE = "git.registry.merge_protected";
  const expectNamed = async (act: Receipt, problem: string, objects: Readonly<Record<string, Uint8Array | undefined>> = {}) =>
    expect(await attacked.findMismatch(act, objects)).toMatchObject({
      file: toRepoPrefix(TENANT, "P.demo"),
      problem: expect.stringContaining(problem),
    });

  // This Runner passes its own check, because it lies about which key it has.
  it("without a signature that matches", async () => {
    const { made, commit } = await mergeWith({ ...attacked.world.keys.git, privateKey: createWorldKey().privateKey }, "a\n");
    await expectNamed(made, `The signature of the commit ${commit} does not match`);
  });

  it("with the signature of a key that the charter does not name", async () => {
    const stolen = createWorldKey();
    const { made, commit } = await mergeWith({ ...stolen, kid: attacked.world.keys.git.kid }, "b\n");
    await expectNamed(made, `The commit ${commit} is signed by the key ${stolen.kid}, which is not a valid git key in version 1`);
  });

  it.each(["permit", "receipt"] as const)("with the signature of the charter's %s key", async (use) => {
    const { made, commit } = await mergeWith({ ...attacked.world.keys[use], kid: attacked.world.keys.git.kid }, `${use}\n`);
    await expectNamed(made, `The commit ${commit} is signed by the key ${attacked.world.keys[use].kid}, which is not a valid git key`);
  });

  it("without any signature", async () => {
    const genuine = attacked.merge.refs[0]?.new ?? "";
    const clone = new Clone();
    clone.git("-c", "safe.directory=*", "fetch", "-q", await copyRepository(), "refs/heads/main");
    const signed = splitSignedCommit(clone.run(["cat-file", "commit", genuine]));
    const commit = clone.writeObject("commit", signed?.unsigned ?? Buffer.alloc(0));
    const objects = await addObject(clone, commit);
    const refs = attacked.merge.refs.map((move) => ({ ...move, new: commit }));
    const forged = toReceipt(resign(attacked.merge, { refs }, attacked.world.keys.receipt));
    await expectNamed(attacked.merge, `The commit ${commit}, which the receipt says that the act made, has no signature`, {
      ...objects,
      ...forged,
    });
  });

  /** Copies the project's repository out of the store. */
  async function copyRepository(): Promise<string> {
    return join(await copyStore(attacked.world.store, {}), toRepoPrefix(TENANT, "P.demo"));
  }
  /** Returns a pack with one more object, as the store would have it. */
  async function addObject(clone: Clone, id: string): Promise<Readonly<Record<string, Uint8Array>>> {
    const hash = clone
      .run(["pack-objects", "-q", "forged"], Buffer.from(`${id}\n`))
      .toString("utf8")
      .trim();
    const folder = `${toRepoPrefix(TENANT, "P.demo")}/objects/pack`;
    const files = ["pack", "idx"].map(async (type) => {
      return [`${folder}/pack-${hash}.${type}`, await readFile(join(clone.folder, `forged-${hash}.${type}`))] as const;
    });
    return Object.fromEntries(await Promise.all(files));
  }
});
