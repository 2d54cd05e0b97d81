import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { signObject } from "../../src/domain/bytes/signature.js";
import { receiptSchema, type UnsignedReceipt } from "../../src/domain/permit/receipt.js";
import { COMMIT, createTestKey, DIGEST, JTI, OTHER_DIGEST } from "../domain/samples.js";
import { chooseExtent } from "../harness/campaign.js";
import { packPackage } from "../harness/package.js";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const INSTALL_MS = 300_000;

const unsignedReceipt: UnsignedReceipt = {
  tenant_id: "T.UBL",
  jobId: "job-1",
  jti: JTI,
  jobType: "git.registry.push",
  project_id: "P.demo",
  status: "success",
  finished_at: 1_735_320_060_000,
  logs_hash: DIGEST,
  logs_key: `artifacts/T.UBL/P.demo/${COMMIT}/${JTI}/${DIGEST}.jsonl`,
  artifacts: [],
  usage: { wall_ms: 12, staged_bytes: 345, stored_bytes: 345 },
  error: "",
  refs: [{ name: "refs/heads/feature/hello", old: "0".repeat(40), new: COMMIT }],
  actor_id: "ubl:sid:app:ci",
  person_id: "person:ana",
  charter_version: 1,
  previous_act: null,
  envelope_digest: DIGEST,
  policy_hash: OTHER_DIGEST,
};

let folder: string;
let installed: string;

/** Runs a program in the folder; its environment has only PATH and the home of npm's cache. */
function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const environment = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env };
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: folder, env: environment, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

const ogr = (...args: string[]): Promise<Ended> => run(join(folder, "node_modules", ".bin", "ogr"), args);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-installed-"));
  const { tarball } = await packPackage();
  installed = join(folder, "node_modules", "office-git-registry");
  await chooseExtent(link, installByNpm)(tarball);
}, INSTALL_MS);

async function installByNpm(tarball: string): Promise<void> {
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "somebody", version: "1.0.0", private: true }));
  const options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code, stderr } = await run("npm", ["install", ...options, tarball]);
  expect(stderr).not.toContain("npm error");
  expect(code).toBe(0);
}

/** Unpacks the tarball and links the dependencies that it names, and no others, to those of this clone. */
async function link(tarball: string): Promise<void> {
  await mkdir(installed, { recursive: true });
  expect(await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"])).toMatchObject({ code: 0 });
  const { dependencies, bin } = z
    .object({ dependencies: z.record(z.string(), z.string()), bin: z.object({ ogr: z.string() }) })
    .parse(JSON.parse(await readFile(join(installed, "package.json"), "utf8")));
  for (const name of Object.keys(dependencies)) {
    const place = join(folder, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(resolve("node_modules", name), place);
  }
  await mkdir(join(folder, "node_modules", ".bin"));
  await symlink(join(installed, bin.ogr), join(folder, "node_modules", ".bin", "ogr"));
}

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the package, installed in an empty folder,", () => {
  test("contains the build and no sources", async () => {
    await expect(readFile(join(installed, "dist", "cli", "main.js"))).resolves.toBeDefined();
    await expect(readFile(join(installed, "src", "cli", "main.ts"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("prints its version and its commands", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    await expect(ogr("--version")).resolves.toMatchObject({ code: 0, stdout: `${version}\n` });
    const help = await ogr("--help");
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: ogr/);
  });

  test("verifies a stored receipt, and refuses a changed one", async () => {
    const key = createTestKey();
    const receipt = signObject("receipt", unsignedReceipt, key);
    await mkdir(join(folder, "stored"), { recursive: true });
    await writeFile(join(folder, "stored", "jwks.json"), JSON.stringify({ keys: [key.jwk] }));
    await writeFile(join(folder, "stored", "receipt.json"), JSON.stringify(receiptSchema.parse(receipt)));
    await writeFile(join(folder, "stored", "changed.json"), JSON.stringify({ ...receipt, jobId: "job-2" }));
    const verify = (file: string) => ogr("receipt", "verify", `stored/${file}`, "--jwks", "stored/jwks.json");
    const genuine = await verify("receipt.json");
    expect(genuine).toMatchObject({ code: 0, stderr: "" });
    expect(genuine.stdout).toContain(key.jwk.kid);
    await expect(verify("changed.json")).resolves.toMatchObject({ code: 3 });
  });

  test.each(["worker/lab256.main.js", "stack/init/main.js"])("has %s, which names the settings that it lacks", async (entry) => {
    const { code, stderr } = await run(process.execPath, [join(installed, "dist", entry), "registry"]);
    expect(code).toBe(1);
    expect(stderr).toContain("The configuration is not valid");
    expect(stderr).toMatch(/OGR_\w+: Set it to/);
  });
});
