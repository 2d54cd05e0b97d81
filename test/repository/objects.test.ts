import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ObjectReader } from "../../src/repository/objects/object-reader.js";
import { parseCommitLinks, parseTree } from "../../src/repository/objects/object-text.js";
import { findOversizedObject } from "../../src/repository/packs/object-sizes.js";
import { parsePackIndex } from "../../src/repository/packs/pack-index.js";
import { Scope } from "../../src/repository/scope.js";
import { Clone } from "./real-git.js";

describe("objects of a real repository", () => {
  const clone = new Clone();
  const text = Array.from({ length: 3000 }, (_, line) => `line ${line}`);
  const first = clone.commit("dir/a.txt", text.join("\n"));
  for (let at = 0; at < 20; at++) clone.commit("dir/a.txt", text.map((line, n) => (n === at * 7 ? "changed" : line)).join("\n"));
  clone.git("checkout", "-q", "-b", "side", first);
  clone.commit("b.txt", "b");
  clone.git("merge", "-q", "--no-edit", "main");
  clone.git("repack", "-adq");
  const gitDir = join(clone.folder, ".git");
  const reader = new ObjectReader(new Scope(clone.folder), gitDir);
  afterAll(() => reader.close());

  it("are read as git reads them, many concurrently", async () => {
    const ids = clone
      .git("rev-list", "--objects", "--all")
      .split("\n")
      .map((line) => line.slice(0, 40));
    const all = await Promise.all(ids.map((id) => reader.read(id)));
    expect(ids.length).toBeGreaterThan(60);
    const read = ids.flatMap((id, at) => {
      const { type = "", bytes = Buffer.alloc(0) } = all[at] ?? {};
      return [Buffer.from(`${id} ${type} ${bytes.length}\n`), bytes, Buffer.from("\n")];
    });
    const shown = clone.run(["cat-file", "--batch", "--buffer"], Buffer.from(ids.map((id) => `${id}\n`).join("")));
    expect(Buffer.concat(read).equals(shown)).toBe(true);
  });

  it("are reported as missing if they do not exist, also among others", async () => {
    const absent = "1".repeat(40);
    const [one, none, two] = await Promise.all([reader.readInfo(first), reader.readInfo(absent), reader.read(first)]);
    expect(one?.type).toBe("commit");
    expect(none).toBeUndefined();
    expect(two?.type).toBe("commit");
  });

  it("have the links that git shows", async () => {
    const merge = await reader.read(clone.readHead());
    const links = parseCommitLinks(merge?.bytes ?? Buffer.alloc(0));
    expect(links).toEqual({ tree: clone.readHead("HEAD^{tree}"), parents: [clone.readHead("HEAD^1"), clone.readHead("HEAD^2")] });
    const tree = await reader.read(links.tree);
    const shown = parseTree(tree?.bytes ?? Buffer.alloc(0)).map(
      (entry) => `${entry.kind === "tree" ? "tree" : "blob"} ${entry.id}\t${entry.name}`,
    );
    expect(shown).toEqual(
      clone
        .git("ls-tree", "HEAD")
        .split("\n")
        .map((line) => line.slice(7)),
    );
  });

  it("are found by their size, and deltas by the size of their result", async () => {
    const name = readdirSync(join(gitDir, "objects", "pack")).find((file) => file.endsWith(".idx")) ?? "";
    const path = join(gitDir, "objects", "pack", name);
    const index = parsePackIndex(readFileSync(path));
    const pack = path.replace(/idx$/, "pack");
    const sizes = clone
      .git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objectsize)")
      .split("\n")
      .map((line) => line.split(" "));
    expect(sizes.every(([id]) => index.has(id ?? ""))).toBe(true);
    expect(index.has("0".repeat(40))).toBe(false);
    const find = (maxBytes: number) => findOversizedObject(pack, index, maxBytes, new AbortController().signal);
    const largest = Math.max(...sizes.map(([, size]) => Number(size)));
    expect(await find(largest)).toBeUndefined();
    // With each object's size as the limit, an object is found exactly if git reports a larger one.
    for (const [, size] of sizes) {
      const found = await find(Number(size));
      const foundSize = sizes.find(([id]) => id === found)?.[1];
      expect(found === undefined || Number(foundSize) > Number(size), `${found} at ${size}`).toBe(true);
      expect(found !== undefined).toBe(sizes.some(([, other]) => Number(other) > Number(size)));
    }
  });

  it("are not read any more when the act is cancelled", async () => {
    const many = { count: 2_000, readId: () => first, readOffset: () => 12, has: () => true };
    const name = readdirSync(join(gitDir, "objects", "pack")).find((file) => file.endsWith(".pack")) ?? "";
    const look = findOversizedObject(join(gitDir, "objects", "pack", name), many, 1e9, AbortSignal.abort());
    await expect(look).rejects.toThrow("aborted");
  });
});
