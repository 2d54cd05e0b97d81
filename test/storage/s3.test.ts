import { readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { assumeRole } from "../../src/stack/founding/plane-credentials.js";
import { ensureSpaces, openStore, type StoreConfig } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { probeConditionalWrites } from "../../src/storage/probe.js";
import { createBucketPrefix, createRootClient } from "../harness/buckets.js";
import { describeStoreContract } from "./contract.js";
import { fillFile } from "./large-file.js";
import { readBlobText, readPointer, swapOrThrow } from "./place.js";
import { type Conduct, type SeveringProxy, startSeveringProxy } from "./severing-proxy.js";

const { s3 } = inject("servers");
const MIB = 1024 * 1024;

describe.skipIf(s3 === undefined)("the S3 backend", () => {
  const server = { endpoint: "", region: "us-east-1", access_key: "", secret_key: "", ...s3 };
  const config = { kind: "s3", ...server, bucket_prefix: createBucketPrefix("storage"), requestTimeoutMs: 20_000 } as const;
  const open = (changes: Partial<Extract<StoreConfig, { kind: "s3" }>> = {}): Promise<ObjectStore> => openStore({ ...config, ...changes });

  beforeAll(async () => {
    await ensureSpaces(config);
    await ensureSpaces(config);
  });

  describeStoreContract(() => open());

  it("describes itself without its credentials", async () => {
    const store = await open();
    expect(store.describe()).toContain(server.endpoint);
    expect(store.describe()).not.toContain(server.secret_key);
    await store.close();
  });

  it("works with temporary credentials within their rights", async () => {
    const credentials = await assumeRole({ kind: "s3", ...server }, { plane: "LAB_256", bucketPrefix: config.bucket_prefix });
    const store = await open(credentials);
    await probeConditionalWrites(store, "ends");
    await expect(store.blobs.create("repos/T.UBL/x", Buffer.from("x"))).rejects.toMatchObject({ code: "denied" });
    await store.close();
  });

  it("reports wrong credentials with the settings to check", async () => {
    const store = await open({ secret_key: "wrong-wrong-wrong" });
    await expect(store.blobs.get("claims/T.UBL/x")).rejects.toMatchObject({
      code: "denied",
      message: expect.stringContaining("credentials"),
    });
    await store.close();
  });

  it("reports a missing bucket and not an absent object", async () => {
    const store = await open({ bucket_prefix: createBucketPrefix("none") });
    const missing = { code: "misconfigured", message: expect.stringContaining("does not exist") };
    await expect(store.blobs.get("claims/T.UBL/x")).rejects.toMatchObject(missing);
    await expect(store.blobs.stat("claims/T.UBL/x")).rejects.toMatchObject(missing);
    await expect(store.blobs.create("claims/T.UBL/x", Buffer.from("x"))).rejects.toMatchObject(missing);
    await expect(store.pointers.swap("claims/T.UBL/x", "v", Buffer.from("x"))).rejects.toMatchObject(missing);
    await expect(store.blobs.list("claims/")[Symbol.asyncIterator]().next()).rejects.toMatchObject(missing);
    await store.close();
  });

  it.each([0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB])("stores a file of %i bytes unchanged, without a content encoding", async (sizeBytes) => {
    const store = await open();
    const key = `artifacts/T.UBL/streamed-${sizeBytes}`;
    const path = join(tmpdir(), `ogr-${process.pid}-streamed`);
    await fillFile(path, sizeBytes);
    expect(await store.blobs.createFromFile(key, path)).toBe("created");
    expect(Buffer.from((await store.blobs.get(key)) ?? []).equals(await readFile(path))).toBe(true);
    await rm(path);
    const { size, metaData } = await createRootClient().statObject(`${config.bucket_prefix}artifacts`, key.slice("artifacts/".length));
    expect([size, metaData]).toEqual([sizeBytes, { "content-type": "application/octet-stream" }]);
    await store.close();
  });

  it.each([
    ["endpoint", { endpoint: "ftp://127.0.0.1" }],
    ["endpoint", { endpoint: "http://127.0.0.1:9000/path" }],
    ["region", { region: "" }],
    ["bucket_prefix", { bucket_prefix: "Upper" }],
    ["bucket_prefix", { bucket_prefix: "x".repeat(60) }],
  ])("refuses a malformed %s and names it", async (setting, changes) => {
    await expect(open(changes)).rejects.toMatchObject({
      code: "misconfigured",
      message: expect.stringContaining(setting),
    });
  });

  it("reports an unreachable store as unavailable, since nothing was written", async () => {
    const proxy = await startSeveringProxy(server.endpoint);
    const store = await open({ endpoint: proxy.endpoint });
    await proxy.close();
    const unavailable = { code: "unavailable", message: expect.stringContaining(proxy.endpoint) };
    await expect(store.blobs.get("claims/T.UBL/x")).rejects.toMatchObject(unavailable);
    await expect(store.blobs.list("claims/T.UBL/")[Symbol.asyncIterator]().next()).rejects.toMatchObject(unavailable);
    await expect(store.blobs.create("claims/T.UBL/x", Buffer.from("x"))).rejects.toMatchObject(unavailable);
    await expect(store.pointers.swap("claims/T.UBL/x", null, Buffer.from("x"))).rejects.toMatchObject(unavailable);
    await store.close();
  });

  describe("when the connection fails", () => {
    let proxy: SeveringProxy;
    let direct: ObjectStore;
    let store: ObjectStore;
    /** Has a short timeout, only for a silent server. A busy machine may need long for a response. */
    let hasty: ObjectStore;

    beforeAll(async () => {
      proxy = await startSeveringProxy(server.endpoint);
      direct = await open();
      store = await open({ endpoint: proxy.endpoint });
      hasty = await open({ endpoint: proxy.endpoint, requestTimeoutMs: 1_500 });
    });
    const pickStore = (conduct: Conduct) => (conduct === "silence" ? hasty : store);

    afterAll(async () => {
      await hasty.close();
      await store.close();
      await direct.close();
      await proxy.close();
    });

    async function runDuring<T>(conduct: Conduct, act: () => Promise<T>): Promise<T> {
      proxy.conduct = conduct;
      proxy.disturbed = 0;
      try {
        return await act();
      } finally {
        proxy.conduct = "pass";
      }
    }

    const persisted: Readonly<Record<Exclude<Conduct, "pass">, boolean>> = {
      "cut answer": true,
      "cut request": false,
      silence: false,
      busy: false,
    };

    it.each(Object.entries(persisted) as [Conduct, boolean][])(
      "sends a conditional write once and reports an unknown outcome (%s; persisted: %s)",
      async (conduct, kept) => {
        const name = conduct.replace(" ", "-");
        const unknown = { code: "outcome_unknown", message: expect.stringContaining("read it back") };

        const created = `claims/T.faults/${name}`;
        await expect(runDuring(conduct, () => pickStore(conduct).blobs.create(created, Buffer.from("mine")))).rejects.toMatchObject(
          unknown,
        );
        expect(proxy.disturbed).toBe(1);
        expect(await readBlobText(direct, created)).toBe(kept ? "mine" : "");

        const swapped = `repos/T.faults/${name}`;
        const version = await swapOrThrow(direct, swapped, null, "before");
        await expect(
          runDuring(conduct, () => pickStore(conduct).pointers.swap(swapped, version, Buffer.from("after"))),
        ).rejects.toMatchObject(unknown);
        expect(proxy.disturbed).toBe(1);
        expect((await readPointer(direct, swapped))?.text).toBe(kept ? "after" : "before");
      },
    );

    it.each(Object.keys(persisted) as Conduct[])("repeats a read a few times before it reports unavailable (%s)", async (conduct) => {
      await direct.blobs.create("artifacts/T.faults/read", Buffer.from("there"));
      const path = join(tmpdir(), `ogr-${process.pid}-severed`);
      const read = (): Promise<boolean> => pickStore(conduct).blobs.getToFile("artifacts/T.faults/read", path);
      await expect(runDuring(conduct, read)).rejects.toMatchObject({ code: "unavailable" });
      expect(proxy.disturbed).toBe(3);
      expect((await readdir(tmpdir())).filter((name) => name.startsWith(`ogr-${process.pid}-severed`))).toEqual([]);
      expect(await readBlobText(store, "artifacts/T.faults/read")).toBe("there");
    });

    it("does not store a file that was damaged in transit", async () => {
      const path = join(tmpdir(), `ogr-${process.pid}-damaged`);
      await fillFile(path, 3 * MIB + 5);
      for (const damagesBodies of [true, false]) {
        proxy.damagesBodies = damagesBodies;
        const upload = store.blobs.createFromFile("artifacts/T.faults/damaged", path);
        if (damagesBodies) await expect(upload).rejects.toMatchObject({ name: "StorageFault" });
        else expect(await upload).toBe("created");
        const kept = await direct.blobs.stat("artifacts/T.faults/damaged");
        expect(kept).toEqual(damagesBodies ? undefined : { sizeBytes: 3 * MIB + 5 });
      }
      await rm(path);
    });

    it("does not store a large file that arrived incomplete", async () => {
      const path = join(tmpdir(), `ogr-${process.pid}-large`);
      await fillFile(path, 20 * 1024 * 1024);
      const upload = store.blobs.createFromFile("artifacts/T.faults/large", path);
      setTimeout(() => {
        proxy.conduct = "cut request";
      }, 30);
      const outcome = await upload.catch((fault: unknown) => fault);
      proxy.conduct = "pass";
      const kept = await direct.blobs.stat("artifacts/T.faults/large");
      // The file either arrived before the cut or is not stored.
      expect(kept).toEqual(outcome === "created" ? { sizeBytes: 20 * 1024 * 1024 } : undefined);
      await rm(path);
    });
  });
});
