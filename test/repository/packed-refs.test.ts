import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRefName, parsePackedRefs, type RefTarget, serialisePackedRefs } from "../../src/repository/refs/packed-refs.js";
import { Clone } from "./real-git.js";

const id = fc.stringMatching(/^[0-9a-f]{40}$/);
const name = fc
  .tuple(fc.constantFrom("heads", "tags", "ubl"), fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }))
  .map(([kind, rest]) => `refs/${kind}/${rest}`)
  .filter((ref) => checkRefName(ref) === undefined);
const target: fc.Arbitrary<RefTarget> = fc.oneof(
  fc.record({ id }, { noNullPrototype: true }),
  fc.record({ id, peeled: id }, { noNullPrototype: true }),
);

describe("packed-refs", () => {
  it("reads back every set of refs that it writes", () => {
    fc.assert(
      fc.property(fc.dictionary(name, target, { maxKeys: 30, noNullPrototype: true }), (refs) => {
        const map = new Map(Object.entries(refs));
        const bytes = serialisePackedRefs(map);
        expect(parsePackedRefs(bytes)).toEqual(map);
        expect(serialisePackedRefs(parsePackedRefs(bytes))).toEqual(bytes);
      }),
    );
  });

  it("equals the output of git pack-refs byte for byte", () => {
    const clone = new Clone();
    clone.commit("a", "1");
    clone.git("branch", "feature/ä");
    clone.git("branch", "feature/z");
    clone.git("branch", "feature/😀");
    clone.git("branch", "feature/\uffee");
    clone.git("tag", "-a", "v1.0.0", "-m", "one");
    clone.git("pack-refs", "--all");
    const bytes = readFileSync(join(clone.folder, ".git", "packed-refs"));
    expect(serialisePackedRefs(parsePackedRefs(bytes))).toEqual(bytes);
    expect(parsePackedRefs(bytes).get("refs/tags/v1.0.0")?.peeled).toBe(clone.readHead());
  });

  it("is understood by git, also with names beyond ASCII", () => {
    const clone = new Clone();
    const head = clone.commit("a", "1");
    const names = ["refs/heads/main", "refs/heads/\uffee", "refs/heads/😀", "refs/ubl/acts/x"];
    writeFileSync(join(clone.folder, ".git", "packed-refs"), serialisePackedRefs(new Map(names.map((ref) => [ref, { id: head }]))));
    rmSync(join(clone.folder, ".git", "refs", "heads"), { recursive: true });
    mkdirSync(join(clone.folder, ".git", "refs", "heads"));
    for (const ref of names) expect(clone.readHead(ref)).toBe(head);
  });

  const header = "# pack-refs with: peeled fully-peeled sorted \n";
  const a = "a".repeat(40);
  it.each([
    ["an empty file", ""],
    ["another header", "# pack-refs with: peeled \n"],
    ["a comment", `${header}# hello\n`],
    ["a last line without a line end", `${header}${a} refs/heads/x`],
    ["refs out of order", `${header}${a} refs/heads/b\n${a} refs/heads/a\n`],
    ["a ref twice", `${header}${a} refs/heads/b\n${a} refs/heads/b\n`],
    ["a peeled id without a ref", `${header}^${a}\n`],
    ["two peeled ids", `${header}${a} refs/tags/b\n^${a}\n^${a}\n`],
    ["a short id", `${header}${a.slice(1)} refs/heads/b\n`],
    ["an invalid ref name", `${header}${a} refs/heads/b..c\n`],
    ["bytes that are not UTF-8", Buffer.concat([Buffer.from(`${header}${a} refs/heads/`), Buffer.from([0xff, 0x0a])])],
  ])("refuses %s", (_, bytes) => {
    expect(() => parsePackedRefs(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: "repository_invalid" }));
  });
});
