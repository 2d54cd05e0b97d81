import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toLayout, toLockPath } from "../../src/storage/directory/layout.js";
import { openDirectoryStore } from "../../src/storage/directory/store.js";
import { parseKey } from "../../src/storage/key.js";
import { openStore } from "../../src/storage/open.js";
import type { ObjectStore } from "../../src/storage/ports.js";
import { probeConditionalWrites } from "../../src/storage/probe.js";
import { describeStoreContract } from "./contract.js";
import { readBlobText, readPointer, swapOrThrow } from "./place.js";
import { type Peer, startPeer } from "./processes.js";
import { createUnconditionalStore } from "./unconditional-store.js";

const root = await mkdtemp(join(tmpdir(), "ogr-directory-"));
const open = (): Promise<ObjectStore> => openStore({ kind: "directory", path: root });

afterAll(() => rm(root, { recursive: true, force: true }));

describe("the directory backend", () => {
  describeStoreContract(open);

  it("adds no files beside the keys, and leaves no temporary file or lock", async () => {
    const store = await open();
    const version = await swapOrThrow(store, "repos/T.tidy/x", null, "1");
    await swapOrThrow(store, "repos/T.tidy/x", version, "2");
    await store.blobs.create("repos/T.tidy/x", Buffer.from("3"));
    expect(await readdir(join(root, "repos/T.tidy"))).toEqual(["x"]);
    expect(await readdir(toLayout(root).temporary)).toEqual([]);
    expect(await readdir(toLayout(root).locks)).toEqual([]);
  });

  it("gives earlier bytes a new version on every swap, at any speed and with any clock", async () => {
    const store = await open();
    const key = "repos/T.aba/packed-refs";
    const versions = [await swapOrThrow(store, key, null, "A")];
    for (const body of ["B", "A", "B", "A"]) {
      versions.push(await swapOrThrow(store, key, versions.at(-1) ?? "", body));
    }
    const futureS = Date.now() / 1_000 + 3_600;
    await utimes(join(root, key), futureS, futureS);
    versions.push((await readPointer(store, key))?.version ?? "");
    versions.push(await swapOrThrow(store, key, versions.at(-1) ?? "", "A"));
    expect(new Set(versions).size).toBe(versions.length);
    expect((await stat(join(root, key))).mtimeMs).toBeGreaterThan(futureS * 1_000);
  });

  it("refuses a key that is a folder of other keys, or is below a key", async () => {
    const store = await open();
    await store.blobs.create("repos/T.both/a/b", Buffer.from("x"));
    for (const key of ["repos/T.both/a", "repos/T.both/a/b/c"]) {
      await expect(store.blobs.create(key, Buffer.from("x"))).rejects.toMatchObject({ code: "denied", key });
      await expect(store.pointers.swap(key, null, Buffer.from("x"))).rejects.toMatchObject({ code: "denied", key });
      expect(await store.blobs.get(key)).toBeUndefined();
      expect(await store.pointers.read(key)).toBeUndefined();
    }
  });

  it("removes the temporary files of killed processes at its start, and keeps those of running ones", async () => {
    const dead = startPeer("lock-holder", join(root, "dead-lock"));
    await dead.ask();
    await dead.kill();
    const { temporary } = toLayout(root);
    await writeFile(join(temporary, `${dead.process.pid}-x`), "left");
    await writeFile(join(temporary, `${process.pid}-x`), "mine");
    await open();
    expect(await readdir(temporary)).toEqual([`${process.pid}-x`]);
    await rm(join(temporary, `${process.pid}-x`));
  });

  it("names a folder that cannot be a store", async () => {
    await writeFile(join(root, "file"), "x");
    for (const path of ["relative", join(root, "file")]) {
      await expect(openDirectoryStore(path)).rejects.toMatchObject({
        code: "misconfigured",
        message: expect.stringContaining(path),
      });
    }
  });

  it.skipIf(process.getuid?.() === 0)("reports that the file system refuses access", async () => {
    const store = await open();
    await mkdir(join(root, "repos/T.closed"), { mode: 0o500 });
    await expect(store.blobs.create("repos/T.closed/x", Buffer.of())).rejects.toMatchObject({ code: "denied" });
    await chmod(join(root, "repos/T.closed"), 0o700);
  });
});

describe("the directory backend in four processes", () => {
  let peers: Peer[] = [];

  beforeAll(async () => {
    peers = Array.from({ length: 4 }, (_, number) => startPeer("store-contender", root, `process ${number}`));
    await Promise.all(peers.map((peer) => peer.ask()));
  });

  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.kill()));
  });

  async function runContest(settings: object): Promise<number> {
    const line = JSON.stringify({ times: 16, ...settings });
    const wins = await Promise.all(peers.map((peer) => peer.ask(line)));
    return wins.reduce((sum, count) => sum + Number(count), 0);
  }

  it("lets one of 64 creates succeed in each of ten contests", async () => {
    for (let round = 0; round < 10; round += 1) {
      expect(await runContest({ kind: "create", key: `claims/T.many/${round}` })).toBe(1);
    }
  });

  it("lets one of 64 swaps win in each of ten contests", async () => {
    const store = await open();
    const key = "repos/T.many/packed-refs";
    await swapOrThrow(store, key, null, "start");
    for (let round = 0; round < 10; round += 1) {
      const expected = (await readPointer(store, key))?.version;
      expect(await runContest({ kind: "swap", key, expected })).toBe(1);
      expect((await readPointer(store, key))?.version).not.toBe(expected);
    }
  });

  it("loses no increment", async () => {
    const store = await open();
    await runContest({ kind: "increment", key: "repos/T.many/counter" });
    expect(await readBlobText(store, "repos/T.many/counter")).toBe("64");
  });

  it("takes over the lock of a process that was killed in a swap, also when the next holder is killed", async () => {
    const store = await open();
    const key = "repos/T.many/orphaned";
    let version = await swapOrThrow(store, key, null, "start");
    const lock = toLockPath(toLayout(root), parseKey(key));
    for (const holders of [1, 3]) {
      for (let number = 0; number < holders; number += 1) {
        const holder = startPeer("lock-holder", lock);
        expect(await holder.ask()).toBe("held");
        await holder.kill();
      }
      expect(await runContest({ kind: "swap", key, expected: version })).toBe(1);
      version = (await readPointer(store, key))?.version ?? "";
    }
    expect(await readdir(toLayout(root).locks)).toEqual([]);
  });

  it("does not take the lock of a running process", async () => {
    const store = await open();
    const key = "repos/T.many/held";
    const version = await swapOrThrow(store, key, null, "start");
    const holder = startPeer("lock-holder", toLockPath(toLayout(root), parseKey(key)));
    await holder.ask();
    const swap = store.pointers.swap(key, version, Buffer.from("next"));
    expect(await readBlobText(store, key)).toBe("start");
    await holder.kill();
    expect((await swap).won).toBe(true);
  });
});

describe("the probe for conditional writes", () => {
  it.each([
    ["on creation", { create: true }, /16 of 16 concurrent creates/],
    ["on replacement", { swap: true }, /never existed won/],
  ])("refuses a store that ignores conditions %s", async (_where, ignored, seen) => {
    const store = createUnconditionalStore(await open(), ignored);
    await expect(probeConditionalWrites(store, "anchors")).rejects.toMatchObject({
      code: "misconfigured",
      message: expect.stringMatching(seen),
    });
  });
});
