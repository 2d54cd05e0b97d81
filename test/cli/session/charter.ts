import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readSigningKey } from "../../../src/configuration/keys.js";
import { createTestKey } from "../../domain/samples.js";
import { buildPolicyWith, publishPolicy, replaceLevel } from "../../harness/policies.js";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { toPersonEnvironment } from "../run-ogr.js";

const TENANT = "T.UBL";
const verdictSchema = z.object({ ok: z.boolean(), version: z.number(), problem: z.string().optional() });

export function describeCharter(registry: () => ServedRegistry): void {
  describe("a member who looks at the charter", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ogr-charter-"));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const run = (...args: string[]) => ogr(["charter", ...args], toPersonEnvironment(registry(), "bob"));
    const foundingKey = () => readSigningKey(join(dirname(registry().founded.keys.foundingKeysLab256), "founding", `${TENANT}.pem`));
    async function keepKey(jwk: object): Promise<string> {
      const file = join(folder, "founding.jwk.json");
      await writeFile(file, JSON.stringify(jwk));
      return file;
    }

    it("sees its members and that the founding key can still change it", async () => {
      const { code, stdout } = await run("show");
      expect(code).toBe(0);
      expect(stdout).toContain(`${TENANT}, version 2 (not sealed: the founding key can still change it)`);
      expect(stdout).toContain("person:bob  Bob, 2 passkeys");
      expect(stdout).toContain(`the founding key ${foundingKey().jwk.x} that the registry names`);
    });

    it("sees a change of the policy that the founding key signed, under which the registry decides from then on", async () => {
      const policy = await buildPolicyWith((data) => replaceLevel(data, "L1", { permit_ttl_ms: 60_000 }));
      const hash = await publishPolicy(registry(), TENANT, policy);
      const { stdout } = await run("log");
      expect(
        stdout
          .trim()
          .split("\n")
          .map((line) => line.split(" ").slice(0, 3).join(" ")),
      ).toEqual(["1  founded", "2  members:", "3  policy"]);
      expect(stdout).toContain(hash);
      await expect.poll(async () => (await ogr(["tenant", "show"], toPersonEnvironment(registry(), "bob"))).stdout).toContain(hash);
    });

    it("verifies it from the founding key that they kept, and from no other", async () => {
      const kept = await run("verify", "--founding-key", await keepKey(foundingKey().jwk), "--json");
      expect([kept.code, kept.json(verdictSchema)]).toEqual([0, { ok: true, version: 3 }]);
      const other = await run("verify", "--founding-key", await keepKey(createTestKey().jwk), "--json");
      expect(other.code).toBe(1);
      expect(other.json(verdictSchema)).toMatchObject({
        ok: false,
        version: 0,
        problem: expect.stringContaining("not signed by the tenant's founding key"),
      });
    });

    it("is told what a file that is no key lacks", async () => {
      const { code, stderr } = await run("verify", "--founding-key", await keepKey({ kty: "OKP" }));
      expect(code).toBe(1);
      expect(stderr).toContain("founding.jwk.json is not valid");
      expect(await readFile(join(folder, "founding.jwk.json"), "utf8")).toContain("OKP");
    });
  });
}
