import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Scope } from "../../src/repository/scope.js";
import { createTemporaryFolder } from "./real-git.js";

const outside = expect.objectContaining({ code: "outside_scope" });

describe("a tenant's scope folder", () => {
  const folder = createTemporaryFolder("ogr-scope-");
  const scope = new Scope(join(folder, "tenant"));

  it("creates folders below itself", () => {
    expect(scope.createFolder("cache", "a")).toBe(join(scope.root, "cache", "a"));
  });

  it.each([["../other"], ["a/../../other"], [".."]])("refuses the path %s", (path) => {
    expect(() => scope.resolvePath(path)).toThrow(outside);
  });

  it("refuses a sibling whose name has the same prefix", () => {
    expect(() => scope.assertWithin(`${scope.root}2/x`)).toThrow(outside);
  });

  it("allows a name that begins with two dots", () => {
    expect(scope.resolvePath("..x")).toBe(join(scope.root, "..x"));
  });

  it("does not follow a symbolic link out of itself", () => {
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), join(scope.root, "link"));
    expect(() => scope.createFolder("link")).toThrow(outside);
    expect(() => scope.createFolder("link", "new", "folder")).toThrow(outside);
  });

  it.each([["relative/path"], ["/tmp/a\nb"], ['/tmp/a"b']])("cannot be %j", (path) => {
    expect(() => new Scope(path)).toThrow(outside);
  });
});
