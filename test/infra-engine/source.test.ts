import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openInfraSource } from "../../src/infra/source/open.js";
import type { InfraSource } from "../../src/infra/source/source.js";
import { type ObjectStore, StorageFault } from "../../src/storage/ports.js";
import { limitToReadsBelow } from "../../src/storage/scoped.js";
import { MAIN_BACKEND, openStage, type Stage, TENANT, value } from "../lab512/jobs/stage.js";
import { createCountingStore } from "../lab512/jobs/unreliable-store.js";
import { Clone } from "../repository/real-git.js";
import { commitRegistry, formatRegistryJson } from "./registries.js";

const KEEPER = "P.said";
const DEMO = { state: "enabled", context: "sandbox", telemetry_repo: `${TENANT}/P.telemetry`, is_registry: false };
const MISSING = { state: "missing", context: null, telemetry_repo: null, is_registry: false };

const createSource = (store: ObjectStore, project_id = KEEPER): InfraSource =>
  openInfraSource({ kind: "registry", tenant_id: TENANT, project_id }, store);

describe("an infra registry in a project", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(MAIN_BACKEND);
  });
  afterAll(() => stage.close());

  /** Creates a project with a registry. `merge` commits a change and moves main there. */
  async function createRegistryProject(project_id: string, text: string) {
    await stage.init(project_id);
    const clone = new Clone();
    let head: string | undefined;
    const merge = async (change: () => string): Promise<string> => {
      const commit = change();
      const bundle = clone.bundle("main", head === undefined ? [] : [head]);
      value(await stage.push(bundle, { project_id, branch: "main", ...(head === undefined ? {} : { expected_old: head }) }));
      head = commit;
      return commit;
    };
    const revision = await merge(() => commitRegistry(clone, text));
    return { clone, revision, merge };
  }

  it("resolves each project by its exact name, with the commit of main as revision", async () => {
    const text = formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox", [`${TENANT}/P.old`]: "disabled production" });
    const { revision } = await createRegistryProject("P.said", text);
    const source = createSource(stage.store, "P.said");
    expect(value(await source.resolve(TENANT, "P.demo"))).toEqual({ infra: DEMO, revision });
    expect(value(await source.resolve(TENANT, "P.old"))).toEqual({
      infra: { ...DEMO, state: "disabled", context: "production" },
      revision,
    });
    for (const [tenant, project] of [
      [TENANT, "P.Demo"],
      ["T.OTHER", "P.demo"],
      [TENANT, "P.dem"],
    ] as const)
      expect(value(await source.resolve(tenant, project))).toEqual({ infra: MISSING, revision });
  });

  it("is current at once after main moves, and needs one small read if nothing changed", async () => {
    const { merge, clone } = await createRegistryProject("P.fresh", formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }));
    const { store, calls } = createCountingStore(stage.store);
    const source = createSource(store, "P.fresh");
    expect(value(await source.resolve(TENANT, "P.demo")).infra).toEqual(DEMO);
    calls.clear();
    expect(value(await source.resolve(TENANT, "P.demo")).infra).toEqual(DEMO);
    expect(Object.fromEntries(calls)).toEqual({ read: 1 });
    const revision = await merge(() => commitRegistry(clone, formatRegistryJson({ [`${TENANT}/P.demo`]: "disabled sandbox" })));
    expect(value(await source.resolve(TENANT, "P.demo"))).toEqual({ infra: { ...DEMO, state: "disabled" }, revision });
  });

  it("is found in any pack", async () => {
    const { merge, clone } = await createRegistryProject("P.packs", formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }));
    await merge(() => clone.commit("README.md", "one\n"));
    const revision = await merge(() => clone.commit("infra/note.md", "two\n"));
    expect(value(await createSource(stage.store, "P.packs").resolve(TENANT, "P.demo"))).toEqual({ infra: DEMO, revision });
  });

  it("resolves an earlier revision of main, and no other commit", async () => {
    const { clone, revision, merge } = await createRegistryProject(
      "P.pinned",
      formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }),
    );
    const second = await merge(() => commitRegistry(clone, formatRegistryJson({ [`${TENANT}/P.demo`]: "disabled sandbox" })));
    const proposed = commitRegistry(clone, formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled production" }));
    value(await stage.push(clone.bundle("main", [second]), { project_id: "P.pinned", branch: "feature/proposed" }));
    const source = createSource(stage.store, "P.pinned");
    expect(await source.resolveAt(TENANT, "P.demo", revision)).toEqual({ ok: true, value: { infra: DEMO, revision } });
    expect(await source.resolveAt(TENANT, "P.demo", second)).toMatchObject({ value: { infra: { state: "disabled" } } });
    expect(await source.resolveAt(TENANT, "P.demo", proposed)).toBeUndefined();
    expect(await source.resolveAt(TENANT, "P.demo", "f".repeat(40))).toBeUndefined();
    expect(await createSource(stage.store, "P.nowhere").resolveAt(TENANT, "P.demo", revision)).toBeUndefined();
  });

  describe("denies every project except its own", () => {
    const readFault = async (project_id: string, source = createSource(stage.store, project_id)): Promise<string> => {
      const other = await source.resolve(TENANT, "P.demo");
      expect(other).toMatchObject({ ok: false, denial: { code: "infra_unavailable" } });
      const own = { state: "unavailable", context: null, telemetry_repo: null, is_registry: true };
      expect(value(await source.resolve(TENANT, project_id)).infra).toEqual(own);
      // A project with the same id in another tenant is another project.
      expect(await source.resolve("T.OTHER", project_id)).toMatchObject({ ok: false, denial: { code: "infra_unavailable" } });
      return other.ok ? "" : other.denial.message;
    };

    it("before its project is registered or has a main branch", async () => {
      expect(await readFault("P.absent")).toContain("no main branch");
      await stage.init("P.unborn");
      expect(await readFault("P.unborn")).toContain("no main branch");
    });

    it("if its file is missing or is a folder", async () => {
      await stage.init("P.nofile");
      const clone = new Clone();
      const first = clone.commit("README.md", "nothing\n");
      value(await stage.push(clone.bundle("main"), { project_id: "P.nofile", branch: "main" }));
      expect(await readFault("P.nofile")).toContain(`commit ${first} has no such file`);
      clone.commit("infra/telemetry-registry.v2.json/a", "a folder\n");
      value(await stage.push(clone.bundle("main", [first]), { project_id: "P.nofile", branch: "main", expected_old: first }));
      expect(await readFault("P.nofile")).toContain("it is a folder");
    });

    it("if its folder or file is a submodule", async () => {
      const { clone, merge } = await createRegistryProject("P.linked", formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }));
      const linked = (path: string) => () => {
        clone.git("rm", "-rq", "--cached", "infra");
        clone.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},${path}`);
        clone.git("commit", "-qm", `a submodule at ${path}`);
        return clone.readHead();
      };
      for (const path of ["infra", "infra/telemetry-registry.v2.json"]) {
        const commit = await merge(linked(path));
        expect(await readFault("P.linked")).toContain(`commit ${commit} has no such file`);
      }
    });

    it("if its file breaks a rule, and names the place, until the next valid revision", async () => {
      const good = formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" });
      const { clone, merge } = await createRegistryProject("P.broken", good);
      await merge(() => commitRegistry(clone, good.replace('"enabled"', '"asleep"')));
      expect(await readFault("P.broken")).toMatch(/line \d+, column \d+: .*enabled/);
      await merge(() => commitRegistry(clone, `${good}}`));
      expect(await readFault("P.broken")).toMatch(/line \d+, column \d+/);
      await merge(() => commitRegistry(clone, `${good}\n`));
      expect(value(await createSource(stage.store, "P.broken").resolve(TENANT, "P.demo")).infra).toEqual(DEMO);
    });

    it("if its file breaks a rule about an org, which is named only to the tenant of its project", async () => {
      const good = formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox", "T.SECRET/P.plan": "enabled production" });
      await createRegistryProject("P.quoted", good.replace('"T.SECRET/P.telemetry"', '"T.ELSEWHERE/P.telemetry"'));
      expect(await readFault("P.quoted")).toMatch(/T\.SECRET.*T\.ELSEWHERE/);
      const stranger = await createSource(stage.store, "P.quoted").resolve("T.OTHER", "P.demo");
      const said = stranger.ok ? "" : stranger.denial.message;
      expect(said).toMatch(/line \d+, column \d+: telemetry-ownership/);
      expect(said).not.toMatch(/SECRET|ELSEWHERE|P\.plan/);
    });

    it("if its pack is damaged", async () => {
      await createRegistryProject("P.damaged", formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }));
      const damaged: ObjectStore = {
        ...stage.store,
        blobs: {
          ...stage.store.blobs,
          get: async (key) => {
            const bytes = await stage.store.blobs.get(key);
            return key.endsWith(".pack") && bytes !== undefined ? Buffer.concat([bytes.subarray(0, -1), Buffer.from([0, 0])]) : bytes;
          },
        },
      };
      expect(await readFault("P.damaged", createSource(damaged, "P.damaged"))).toContain("is damaged");
    });
  });

  it("is retried if the store's listing is older than the refs", async () => {
    const { revision } = await createRegistryProject("P.stale", formatRegistryJson({ [`${TENANT}/P.demo`]: "enabled sandbox" }));
    let hidden = true;
    const stale: ObjectStore = {
      ...stage.store,
      blobs: {
        ...stage.store.blobs,
        async *list(prefix) {
          if (!hidden) yield* stage.store.blobs.list(prefix);
        },
      },
    };
    const source = createSource(stale, "P.stale");
    await expect(source.resolve(TENANT, "P.demo")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(revision),
    });
    hidden = false;
    expect(value(await source.resolve(TENANT, "P.demo"))).toEqual({ infra: DEMO, revision });
  });

  it("is retried if the store is unavailable", async () => {
    const down: ObjectStore = {
      ...stage.store,
      pointers: { ...stage.store.pointers, read: () => Promise.reject(new StorageFault("unavailable", "x", "The store is away.")) },
    };
    await expect(createSource(down).resolve(TENANT, "P.demo")).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is the only data that its view of the store can read, and the view cannot write", async () => {
    const view = limitToReadsBelow(stage.store, `repos/${TENANT}/P.said.git`);
    expect(await view.pointers.read(`repos/${TENANT}/P.said.git/packed-refs`)).toBeDefined();
    for (const key of [`repos/${TENANT}/P.demo.git/packed-refs`, `repos/${TENANT}/P.said.gitx/HEAD`, `policies/${TENANT}/active.json`]) {
      await expect(view.blobs.get(key)).rejects.toMatchObject({ code: "denied" });
      await expect(view.pointers.read(key)).rejects.toMatchObject({ code: "denied" });
    }
    const own = `repos/${TENANT}/P.said.git/x`;
    await expect(view.blobs.create(own, new Uint8Array(1))).rejects.toMatchObject({ code: "denied" });
    await expect(view.pointers.swap(own, null, new Uint8Array(1))).rejects.toMatchObject({ code: "denied" });
  });
});
