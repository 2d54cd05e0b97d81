import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readSigningKey } from "../../../src/configuration/keys.js";
import { publicJwkSchema } from "../../../src/domain/bytes/jwks.js";
import type { PublicJwk } from "../../../src/domain/bytes/signature.js";
import { formatSshPublicKey } from "../../../src/domain/git/git-signature.js";
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
    const foundingKey = () => readSigningKey(join(dirname(registry().founded.keys.operatorLab256), "founding", `${TENANT}.pem`));
    async function keepKey(jwk: object): Promise<string> {
      const file = join(folder, "founding.jwk.json");
      await writeFile(file, JSON.stringify(jwk));
      return file;
    }

    it("sees its members and that the founding key can still change it", async () => {
      const { code, stdout } = await run("show");
      expect(code).toBe(0);
      expect(stdout).toContain(`${TENANT}, version 3 (not sealed: the founding key can still change it)`);
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
      ).toEqual(["1  founded", "2  members:", "3  members:", "4  policy"]);
      expect(stdout).toContain(hash);
      await expect.poll(async () => (await ogr(["tenant", "show"], toPersonEnvironment(registry(), "bob"))).stdout).toContain(hash);
    });

    it("verifies it from the founding key that they kept, and from no other", async () => {
      const kept = await run("verify", "--founding-key", await keepKey(foundingKey().jwk), "--json");
      expect([kept.code, kept.json(verdictSchema)]).toEqual([0, { ok: true, version: 4 }]);
      const other = await run("verify", "--founding-key", await keepKey(createTestKey().jwk), "--json");
      expect(other.code).toBe(1);
      expect(other.json(verdictSchema)).toMatchObject({
        ok: false,
        version: 0,
        problem: expect.stringContaining("not signed by the tenant's founding key"),
      });
    });

    it("changes it by an entry that the founding key signed on another machine, once", async () => {
      const admin = toPersonEnvironment(registry(), "admin");
      const keyFile = join(dirname(registry().founded.keys.operatorLab256), "founding", `${TENANT}.pem`);
      const actor = { person_id: "person:bob", name: "Bob's phone", offices: [], disabled: false };
      const params = { persons: {}, actors: { "ubl:sid:person:bob-phone": actor } };
      const [change, log, entry] = ["change.json", "log.json", "entry.json"].map((name) => join(folder, name)) as [string, string, string];
      await writeFile(change, JSON.stringify({ jobType: "registry.members.change", params }));
      const entries = (await run("log", "--json")).stdout.trim().split("\n");
      await writeFile(log, `[${entries.join(",")}]`);
      // No registry answers at this address.
      const offline = { ...admin, OGR_SERVER: "http://127.0.0.1:9" };
      const signed = await ogr(["charter", "sign", change, "--founding-key-file", keyFile, "--entries", log], offline);
      expect([signed.code, signed.stderr]).toEqual([0, ""]);
      await writeFile(entry, signed.stdout);
      expect((await ogr(["charter", "append", entry], admin)).stdout).toContain(`Version 5 of the charter of ${TENANT}`);
      // A retry, and another entry that was signed for the same version.
      expect((await ogr(["charter", "append", entry], admin)).code).toBe(0);
      const other = { persons: {}, actors: { "ubl:sid:person:bob-tablet": actor } };
      await writeFile(change, JSON.stringify({ jobType: "registry.members.change", params: other }));
      const late = await ogr(["charter", "sign", change, "--founding-key-file", keyFile, "--entries", log], offline);
      await writeFile(entry, late.stdout);
      const denied = await ogr(["charter", "append", entry], admin);
      expect([denied.code, denied.stderr]).toEqual([6, expect.stringContaining("charter_changed")]);
      expect((await run("diff", "4")).stdout.split("\n")[0]).toBe("actor/ubl:sid:person:bob-phone");
      expect((await run("diff", "9")).code).toBe(2);
    });

    it("gets the keys of the registry's commits and tags for stock git, and the revoked ones if they ask", async () => {
      const admin = toPersonEnvironment(registry(), "admin");
      const [own, next] = [readSigningKey(registry().founded.keys.git), createTestKey()];
      const toLine = (key: typeof own) => `registry@ubl.invalid namespaces="git" ${formatSshPublicKey(key.jwk)}\n`;
      expect(await run("allowed-signers")).toMatchObject({ code: 0, stdout: toLine(own) });
      expect(await run("allowed-signers", "--folder", folder)).toMatchObject({ code: 2 });
      const keyFile = join(dirname(registry().founded.keys.operatorLab256), "founding", `${TENANT}.pem`);
      const [change, entry] = [join(folder, "rotate.json"), join(folder, "rotated.json")];
      const rotate = async (params: object) => {
        await writeFile(change, JSON.stringify({ jobType: "registry.keys.rotate", params }));
        await writeFile(entry, (await ogr(["charter", "sign", change, "--founding-key-file", keyFile], admin)).stdout);
        expect((await ogr(["charter", "append", entry], admin)).code).toBe(0);
      };
      await rotate({ add: [{ use: "git", jwk: next.jwk, revoked: false }], revoke: [] });
      expect((await run("allowed-signers")).stdout.split("\n").sort()).toEqual((toLine(own) + toLine(next)).split("\n").sort());
      await rotate({ add: [], revoke: [next.kid] });
      expect((await run("allowed-signers")).stdout).toBe(toLine(own));
      const all = await run("allowed-signers", "--with-revoked", "--json");
      expect(
        all.stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ).toEqual([
        expect.objectContaining({ kid: own.kid, revoked: false }),
        expect.objectContaining({ kid: next.kid, revoked: true, public_key: formatSshPublicKey(next.jwk) }),
      ]);
    });

    it("announces a change by recovery keys that signed it on another machine, and sees until when people can object", async () => {
      const admin = toPersonEnvironment(registry(), "admin");
      const keyFile = join(dirname(registry().founded.keys.operatorLab256), "founding", `${TENANT}.pem`);
      const place = (name: string) => join(folder, name);
      const recover = (...args: string[]) => run("recover", ...args);
      const jwks: PublicJwk[] = [];
      for (const name of ["recovery-1.pem", "recovery-2.pem"]) jwks.push((await recover("key", place(name))).json(publicJwkSchema));
      const dave = { name: "Dave", emails: [], passkeys: [], disabled: false };
      const change = place("recovered.json");
      await writeFile(
        change,
        JSON.stringify({ jobType: "registry.members.change", params: { persons: { "person:dave": dave }, actors: {} } }),
      );
      expect(await recover("prepare", change)).toMatchObject({ code: 2, stderr: expect.stringContaining("has no recovery keys") });
      const recovery = { jwks, threshold: 2, delay_ms: 48 * 3_600_000 };
      const setRecovery = async (keys: typeof recovery | null) => {
        const params = { add: [], revoke: [], recovery: keys };
        await writeFile(place("recovery.json"), JSON.stringify({ jobType: "registry.keys.rotate", params }));
        const set = await ogr(["charter", "sign", place("recovery.json"), "--founding-key-file", keyFile], admin);
        await writeFile(place("set.json"), set.stdout);
        expect((await ogr(["charter", "append", place("set.json")], admin)).code).toBe(0);
      };
      await setRecovery(recovery);

      const announcement = place("announcement.json");
      const prepared = await recover("prepare", change);
      expect([prepared.code, prepared.stderr]).toEqual([0, expect.stringContaining("person/person:dave, new")]);
      await writeFile(announcement, prepared.stdout);
      for (const name of ["recovery-1.pem", "recovery-2.pem"]) {
        // No registry answers at this address.
        const offline = { ...admin, OGR_SERVER: "http://127.0.0.1:9" };
        const signed = await ogr(["charter", "recover", "sign", announcement, "--recovery-key-file", place(name)], offline);
        expect([signed.code, signed.stderr]).toEqual([0, expect.stringContaining("Dave")]);
        if (name === "recovery-2.pem") {
          const early = await recover("announce", announcement);
          expect([early.code, early.stderr]).toEqual([3, expect.stringContaining("2 recovery keys must sign it, and 1 did")]);
        }
        await writeFile(announcement, signed.stdout);
      }
      const sent = await recover("announce", announcement);
      expect([sent.code, sent.stdout]).toEqual([0, expect.stringContaining("It can be made from 20")]);
      expect((await recover("announce", announcement)).stdout).toBe(sent.stdout);
      const early = await recover("complete");
      expect([early.code, early.stderr]).toEqual([3, expect.stringContaining("waits until 20")]);
      expect((await run("show")).stdout).toContain("WAITING   registry.members.change, which recovery keys announced in version");
      expect((await run("log")).stdout).toMatch(/recovery keys announced: members: person:dave; it can be made from 20/);
      expect((await run("verify")).code).toBe(0);
      const types = await run("log", "--json");
      expect(types.stdout).toContain('"registry.recovery.announce"');
      expect((await ogr(["doctor"], admin)).stdout).toContain(
        "Recovery keys announced registry.members.change, which needs no approval from 20",
      );
      const objection = await ogr(["charter", "recover", "object", "--dry-run"], admin);
      expect([objection.code, objection.stdout]).toEqual([0, expect.stringContaining("2 of the recovery keys")]);
      await setRecovery(null);
      expect((await ogr(["doctor"], admin)).stdout).not.toContain("recovery");
    });

    it("is told what a file that is no key lacks", async () => {
      const { code, stderr } = await run("verify", "--founding-key", await keepKey({ kty: "OKP" }));
      expect(code).toBe(1);
      expect(stderr).toContain("founding.jwk.json is not valid");
      expect(await readFile(join(folder, "founding.jwk.json"), "utf8")).toContain("OKP");
    });
  });
}
