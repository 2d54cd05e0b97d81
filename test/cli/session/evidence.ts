import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { runOgr, toPersonEnvironment } from "../run-ogr.js";

const chainSchema = z.looseObject({
  ok: z.boolean(),
  entries: z.number(),
  first: z.number(),
  head: z.looseObject({ seq: z.number(), hash: z.string() }),
});

export function describeEvidence(registry: () => ServedRegistry): void {
  describe("somebody who wants to know", () => {
    let folder: string;
    let admin: Record<string, string>;
    beforeAll(async () => {
      admin = toPersonEnvironment(registry(), "admin");
      folder = await mkdtemp(join(tmpdir(), "ogr-evidence-"));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it("downloads the ledger and verifies it without a registry", async () => {
      const file = join(folder, "ledger.jsonl");
      const exported = await ogr(["ledger", "export", "--output", file, "--json"], admin);
      expect([exported.code, (await stat(file)).mode & 0o777]).toEqual([0, 0o600]);
      const verified = await ogr(["ledger", "verify", "--file", file, "--json"]);
      const chain = verified.json(chainSchema);
      expect(chain).toMatchObject({ ok: true, first: 1, head: exported.json(z.looseObject({ head: z.unknown() })).head });
      const lines = (await readFile(file, "utf8")).trim().split("\n");
      expect(lines).toHaveLength(chain.entries);
      const half = Math.trunc(chain.entries / 2);
      const rest = await ogr(["ledger", "export", "--after", String(half)], admin);
      expect(
        rest.stdout
          .trim()
          .split("\n")
          .slice(0, lines.length - half),
      ).toEqual(lines.slice(half));

      const readVerdict = async (changed: readonly string[], ...more: string[]) => {
        await writeFile(file, `${changed.join("\n")}\n`);
        const answer = await ogr(["ledger", "verify", "--file", file, ...more]);
        return [answer.code, answer.stdout] as const;
      };
      const edited = lines.with(half, (lines[half] ?? "").replace(/"at_ms":\d/, '"at_ms":9'));
      expect(await readVerdict(edited)).toEqual([1, expect.stringContaining(`Entry ${half + 1} does not match its hash`)]);
      expect(await readVerdict(lines.toSpliced(half, 1))).toEqual([1, expect.stringContaining(`Entry ${half + 1} is missing`)]);
      expect(await readVerdict(lines.slice(half))).toEqual([0, expect.stringContaining(`the file lacks the entries before ${half + 1}`)]);
      expect(await readVerdict(lines.slice(0, half), "--head", chain.head.hash)).toEqual([
        1,
        expect.stringContaining("it ends before that entry"),
      ]);
    });

    it("writes the ledger into a pipe, which stays one, and says in a sentence that a full device takes nothing", async () => {
      const pipe = join(folder, "pipe");
      execFileSync("mkfifo", [pipe]);
      const [exported, read] = await Promise.all([ogr(["ledger", "export", "--output", pipe], admin), readFile(pipe, "utf8")]);
      expect([exported.code, (await stat(pipe)).isFIFO()]).toEqual([0, true]);
      await writeFile(join(folder, "copied.jsonl"), read);
      expect((await ogr(["ledger", "verify", "--file", join(folder, "copied.jsonl")])).code).toBe(0);

      const full = await ogr(["ledger", "export", "--output", "/dev/full"], admin);
      expect([full.code, full.stderr]).toEqual([2, expect.stringContaining("--output: /dev/full cannot be written (ENOSPC)")]);
      expect((await stat("/dev/full")).isCharacterDevice()).toBe(true);
      const shell = await runOgr(["ledger", "export"], admin, { outputPath: "/dev/full" });
      expect([shell.code, shell.stderr]).toEqual([1, expect.stringMatching(/^ogr: The output cannot be written \(ENOSPC\)[^\n]*\n$/)]);

      await writeFile(join(folder, "empty.jsonl"), "");
      const empty = await ogr(["ledger", "verify", "--file", join(folder, "empty.jsonl")]);
      expect([empty.code, empty.stdout]).toEqual([1, expect.stringContaining("It has no entries")]);
    });

    it("reads the tenant, its offices and its actors", async () => {
      expect((await ogr(["tenant", "show"], admin)).stdout).toMatch(/T\.UBL: since .*\n.*Temporal\n {2}policy {4}[0-9a-f]{64}/);
      expect((await ogr(["office", "list"], admin)).stdout).toMatch(/^office::default +\d+ .*git\.registry\.push/m);
      const actors = await ogr(["actor", "list", "--office", "office::agents"], admin);
      expect(actors.stdout.trim().split("\n")).toEqual([expect.stringContaining("ubl:sid:agent:builder")]);
    });

    it("learns from the doctor that nothing is wrong, including the store, the schema and the keys", async () => {
      const store = registry().founded.rootStore;
      const s3 =
        store.kind === "s3"
          ? {
              OGR_S3_ENDPOINT: store.endpoint,
              OGR_S3_ACCESS_KEY: store.access_key,
              OGR_S3_SECRET_KEY: store.secret_key,
              OGR_S3_BUCKET_PREFIX: store.bucket_prefix ?? "",
            }
          : { OGR_STORE_DIRECTORY: store.path };
      const installation = {
        OGR_STORE: store.kind,
        ...s3,
        DATABASE_URL: registry().databaseUrl,
        OGR_PERMIT_KEY_FILE: registry().founded.keys.permit,
      };
      const answer = await ogr(["doctor"], { ...admin, ...installation });
      expect([answer.code, answer.stdout]).toEqual([0, expect.stringContaining("No problems found.")]);
      for (const check of [
        "git",
        "server",
        "clock",
        "version",
        "database",
        "object_store",
        "temporal",
        "worker LAB_256",
        "worker LAB_512",
        "keys",
        "token",
        "infra registry",
        "telemetry",
        "conditional writes",
        "schema",
        "OGR_PERMIT_KEY_FILE",
      ])
        expect(answer.stdout).toContain(`✓ ${check}`);
      expect(answer.stdout).toMatch(/! charter +version \d+, not sealed: /);
    });

    it("learns from the doctor what is wrong and what to do", async () => {
      const answer = await ogr(["doctor"], {
        ...admin,
        OGR_TOKEN: `ogr_${"A".repeat(49)}`,
        OGR_PERMIT_KEY_FILE: join(registry().dataDir, "keys", "founding", "T.UBL.pem"),
      });
      expect([answer.code, answer.stdout]).toEqual([1, expect.stringContaining("2 problems found.")]);
      expect(answer.stdout).toMatch(/✗ token .*\n.*→ .*ogr auth login/);
      expect(answer.stdout).toMatch(/✗ OGR_PERMIT_KEY_FILE .*does not serve the key .*\n.*→ .*another registry's key/);
      const away = await ogr(["doctor", "--json"], { ...admin, OGR_SERVER: "http://127.0.0.1:1" });
      expect([away.code, away.stdout]).toEqual([1, expect.stringContaining('"check":"server","state":"problem"')]);
    });
  });
}
