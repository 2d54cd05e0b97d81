import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { type OgrAnswer, toPersonEnvironment } from "../run-ogr.js";

let registry: ServedRegistry;
let admin: Record<string, string>;

function expectSentence(answer: OgrAnswer, code: number, ...words: readonly string[]): void {
  expect(answer.code).toBe(code);
  expect(answer.stdout).toBe("");
  for (const word of words) expect(answer.stderr).toContain(word);
  expect(answer.stderr).not.toMatch(/^\s+at /m);
}

export function testBadInput(started: () => ServedRegistry): void {
  describe("bad input is reported with its next step and without a stack:", () => {
    beforeAll(() => {
      registry = started();
      admin = toPersonEnvironment(registry, "admin");
    });

    it("an unknown command", async () => expectSentence(await ogr(["frobnicate"]), 2, "unknown command 'frobnicate'"));

    it("a missing argument", async () => expectSentence(await ogr(["push"], admin), 2, "missing required argument 'project'"));

    it("an invalid project id", async () => expectSentence(await ogr(["project", "register", "demo"], admin), 2, "project_id", "P.demo"));

    it("an invalid release tag", async () =>
      expectSentence(await ogr(["release", "P.x", "1.2", "--commit", "0".repeat(39).concat("1")], admin), 2, "tag", "v1.2.0"));

    it("a folder that is not a repository", async () => {
      const folder = await mkdtemp(join(tmpdir(), "ogr-no-repository-"));
      expectSentence(await ogr(["push", "P.x", "--from", folder], admin), 2, "--from", "not a git repository");
      await rm(folder, { recursive: true });
    });

    it("a project that does not exist", async () => expectSentence(await ogr(["project", "show", "P.none"], admin), 1, "not_found"));

    it("an unreachable registry", async () =>
      expectSentence(await ogr(["project", "list"], { ...admin, OGR_SERVER: "http://127.0.0.1:1" }), 1, "cannot be reached", "`ogr dev`"));

    it("an unreachable registry of another machine, which nobody can start from here", async () => {
      const answer = await ogr(["project", "list"], { ...admin, OGR_SERVER: "http://registry.invalid" });
      expectSentence(answer, 1, "cannot be reached", "--server", "operator");
      expect(answer.stderr).not.toContain("ogr dev");
    });

    it("an actor of a development registry that does not run", async () =>
      expectSentence(await ogr(["project", "list", "--as", "bob"], admin), 2, "--as", "ogr dev", registry.url));

    it("an invalid address", async () => expectSentence(await ogr(["project", "list", "--server", "nowhere"], admin), 2, "--server"));

    it("an invalid token", async () =>
      expectSentence(await ogr(["project", "list"], { ...admin, OGR_TOKEN: "ogr_wrong" }), 3, "unauthenticated"));

    it("a receipt file that is not JSON", async () =>
      expectSentence(
        await ogr(["receipt", "verify", registry.founded.keys.receipt, "--jwks", registry.founded.keys.receiptJwks]),
        2,
        "not JSON",
      ));

    it("in JSON with --json", async () => {
      const answer = await ogr(["project", "show", "demo", "--json"], admin);
      expect(answer.code).toBe(2);
      expect(JSON.parse(answer.stdout)).toMatchObject({ ok: false, code: "invalid_request", exit: 2 });
    });
  });
}
