import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Repositories } from "../../src/repository/repositories.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { executeTestJob, openStage, PROJECT, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { createCountingStore } from "../lab512/jobs/unreliable-store.js";
import { Clone } from "./real-git.js";

const signal = new AbortController().signal;

describe("the cache of repositories", () => {
  let stage: Stage;
  afterEach(() => stage.close());
  const resolveCacheFolder = (project = PROJECT) => join(stage.repositories.scope.root, "cache", TENANT, `${project}.git`);

  async function createFilledRepositories(options = {}) {
    stage = await openStage("directory", options);
    await stage.init();
    const clone = new Clone();
    const first = clone.commit("a", "1");
    value(await stage.push(clone.bundle("main"), { branch: "feature/a" }));
    return { clone, first };
  }

  it("requests no list and no download while the refs are at a cached version", async () => {
    const { clone, first } = await createFilledRepositories();
    const { store, calls } = createCountingStore(stage.store);
    clone.commit("a", "2");
    value(await stage.push(clone.bundle("main", [first]), { branch: "feature/a", expected_old: first }, { store }));
    expect(calls.get("list")).toBeUndefined();
    expect(calls.get("getToFile")).toBeUndefined();
    expect(calls.get("read")).toBe(1);
    expect(calls.get("swap")).toBe(1);
  });

  it("is unavailable while the listing is older than the refs, and continues with a current one", async () => {
    const { clone, first } = await createFilledRepositories();
    const listed: string[] = [];
    for await (const key of stage.store.blobs.list(`repos/${TENANT}/`)) listed.push(key);
    const second = clone.commit("a", "2");
    value(await stage.push(clone.bundle("main", [first]), { branch: "feature/a", expected_old: first }));
    const stale: ObjectStore = {
      ...stage.store,
      blobs: {
        ...stage.store.blobs,
        async *list(prefix) {
          yield* listed.filter((key) => key.startsWith(prefix));
        },
      },
    };
    const other = new Repositories(join(stage.folder, "other"));
    const name = { tenant_id: TENANT, project_id: PROJECT };
    await expect(other.open(stale, name, signal)).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining(second) });
    const repository = await other.open(stage.store, name, signal);
    expect(await repository?.getReader().readInfo(second)).toMatchObject({ type: "commit" });
    await repository?.close();
    await other.close();
  });

  it("fetches the packs of another Runner", async () => {
    const { clone, first } = await createFilledRepositories();
    const other = new Repositories(join(stage.folder, "other"));
    const second = clone.commit("a", "2");
    value(await stage.push(clone.bundle("main", [first]), { branch: "feature/a", expected_old: first }, { repositories: other }));
    await other.close();
    clone.commit("a", "3");
    value(await stage.push(clone.bundle("main", [second]), { branch: "feature/a", expected_old: second }));
  });

  it("recovers from the loss of a pack, an index or everything between two acts", async () => {
    const { clone } = await createFilledRepositories();
    let old = clone.readHead();
    const packs = join(resolveCacheFolder(), "objects", "pack");
    const losses = [
      () => rmSync(join(packs, readdirSync(packs).find((file) => file.endsWith(".pack")) ?? "")),
      () => rmSync(join(packs, readdirSync(packs).find((file) => file.endsWith(".idx")) ?? "")),
      () => rmSync(resolveCacheFolder(), { recursive: true }),
      () => rmSync(stage.repositories.scope.root, { recursive: true }),
    ];
    for (const [at, lose] of losses.entries()) {
      if (at === 3) mkdirSync(stage.repositories.scope.root, { recursive: true });
      lose();
      if (at === 3) mkdirSync(stage.repositories.scope.root, { recursive: true });
      const next = clone.commit("a", `after ${at}`);
      value(await stage.push(clone.bundle("main", [old]), { branch: "feature/a", expected_old: old }));
      old = next;
    }
  });

  it("removes a pack that the store does not have", async () => {
    const { clone, first } = await createFilledRepositories();
    const foreign = join(resolveCacheFolder(), "objects", "pack", `pack-${"f".repeat(40)}.pack`);
    writeFileSync(foreign, "foreign");
    clone.commit("a", "2");
    value(await stage.push(clone.bundle("main", [first]), { branch: "feature/a", expected_old: first }));
    expect(existsSync(foreign)).toBe(false);
  });

  it("evicts the least recently used repository, and never one in use", async () => {
    await createFilledRepositories({ cacheMaxBytes: 1 });
    expect(existsSync(resolveCacheFolder())).toBe(false);
    const name = { tenant_id: TENANT, project_id: PROJECT };
    const one = await stage.repositories.open(stage.store, name, signal);
    const two = await stage.repositories.open(stage.store, name, signal);
    await two?.close();
    expect(existsSync(resolveCacheFolder())).toBe(true);
    expect(await one?.getReader().readInfo(one.state.refs.get("refs/heads/feature/a")?.id ?? "")).toMatchObject({ type: "commit" });
    await one?.close();
    expect(existsSync(resolveCacheFolder())).toBe(false);
  });

  it("counts and evicts the files of an earlier process", async () => {
    await createFilledRepositories();
    await stage.init("P.small");
    expect(existsSync(resolveCacheFolder())).toBe(true);
    const later = new Repositories(stage.repositories.scope.root, { cacheMaxBytes: 1 });
    await (await later.open(stage.store, { tenant_id: TENANT, project_id: "P.small" }, signal))?.close();
    expect(existsSync(resolveCacheFolder())).toBe(false);
    await later.close();
  });

  const openIdleReader = async () => {
    const repository = await stage.repositories.open(stage.store, { tenant_id: TENANT, project_id: PROJECT }, signal);
    const reader = repository?.getReader();
    await repository?.close();
    return reader;
  };

  it("handles many packs with one multi-pack index", async () => {
    const { clone } = await createFilledRepositories();
    let old = clone.readHead();
    const reader = await openIdleReader();
    expect(reader?.isUsable).toBe(true);
    for (let at = 0; at < 60; at++) {
      const next = clone.commit("a", `many ${at}`);
      value(await stage.push(clone.bundle("main", [old]), { branch: "feature/a", expected_old: old }));
      old = next;
    }
    expect(readdirSync(join(resolveCacheFolder(), "objects", "pack"))).toContain("multi-pack-index");
    // The first reader had mapped every pack. The next one uses the index.
    expect(reader?.isUsable).toBe(false);
    expect((await openIdleReader())?.isUsable).toBe(true);
    rmSync(
      join(
        resolveCacheFolder(),
        "objects",
        "pack",
        readdirSync(join(resolveCacheFolder(), "objects", "pack")).find((file) => file.endsWith(".pack")) ?? "",
      ),
    );
    clone.commit("a", "last");
    value(await stage.push(clone.bundle("main", [old]), { branch: "feature/a", expected_old: old }));
  });

  it("separates equal project ids of two tenants", async () => {
    const { first } = await createFilledRepositories();
    const context = stage.buildContext({ tenant_id: "T.OTHER" });
    value(
      await executeTestJob(context, "git.registry.init", {
        project_id: PROJECT,
        name: "d",
        owners: ["office::default"],
        visibility: "private",
      }),
    );
    const theirs = await stage.repositories.open(stage.store, { tenant_id: "T.OTHER", project_id: PROJECT }, signal);
    expect(await theirs?.getReader().readInfo(first)).toBeUndefined();
    await theirs?.close();
  });

  it("removes the scratch folders of ended processes at its start", async () => {
    await createFilledRepositories();
    const dead = join(stage.folder, "later", "scratch", "999999999-x");
    mkdirSync(dead, { recursive: true });
    const later = new Repositories(join(stage.folder, "later"));
    await later.ensureReady();
    expect(existsSync(dead)).toBe(false);
    await later.close();
  });
});
