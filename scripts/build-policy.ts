import { execFile } from "node:child_process";
import { access, constants, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { replacePolicyData } from "../src/decision/policy/bytes.js";
import { ENTRYPOINTS } from "../src/decision/policy/evaluator.js";
import { readSeed } from "./policy-seed.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const POLICY_SOURCES = join(ROOT, "policies");
export const POLICY_FILE = join(POLICY_SOURCES, "policy.wasm");
export const CONFIG = join(ROOT, "config");

/** The version that compiled the committed bytes. Another version may produce other bytes for the same rules. */
export const OPA_VERSION = "1.22.2";

export type OpaLookup = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly reason: string };

/** Finds the opa to build with: `named`, or else OGR_OPA, or else the first on PATH. It must have OPA_VERSION. */
export async function findOpa(named: string | undefined = process.env.OGR_OPA): Promise<OpaLookup> {
  const path = named || (await findOnPath("opa"));
  if (path === undefined)
    return {
      ok: false,
      reason: `no opa on PATH and OGR_OPA is not set; install opa ${OPA_VERSION} or set OGR_OPA to its path`,
    };
  const answer = await run(path, ["version"]).then(
    ({ stdout }) => stdout,
    (error: Error) => error,
  );
  if (answer instanceof Error) return { ok: false, reason: `${path} does not run: ${answer.message}` };
  const version = /^Version: (\S+)/m.exec(answer)?.[1] ?? "unknown";
  if (version !== OPA_VERSION)
    return {
      ok: false,
      reason: `${path} is opa ${version}; the policy is built with opa ${OPA_VERSION}`,
    };
  return { ok: true, path };
}

async function findOnPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter).filter((entry) => entry !== "")) {
    const path = join(folder, name);
    const runnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runnable) return path;
  }
  return undefined;
}

/** Compiles the rules in `sources` to wasm without data. The bytes do not depend on the folder. */
export async function compileRules(opa: string, sources: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-policy-"));
  try {
    const rules = (await readdir(sources)).filter((name) => name.endsWith(".rego") && !name.endsWith("_test.rego")).sort();
    for (const name of rules) await cp(join(sources, name), join(folder, name));
    const entrypoints = ENTRYPOINTS.flatMap((entrypoint) => ["-e", entrypoint]);
    await run(opa, ["build", "-t", "wasm", ...entrypoints, "-o", "bundle.tar.gz", ...rules], { cwd: folder });
    return extractFromTar(gunzipSync(await readFile(join(folder, "bundle.tar.gz"))), "policy.wasm");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Builds the committed policy from its sources: the rules of policies/ with the data of config/. */
export async function buildPolicy(opa: string): Promise<Uint8Array> {
  return replacePolicyData(await compileRules(opa, POLICY_SOURCES), await readSeed(CONFIG));
}

/** Extracts a file from a ustar archive. Source: POSIX pax, "ustar Interchange Format". */
function extractFromTar(tar: Uint8Array, wanted: string): Uint8Array {
  const readText = (at: number, length: number) =>
    Buffer.from(tar.subarray(at, at + length))
      .toString("latin1")
      .replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(readText(at + 124, 12), 8);
    if (readText(at, 100).replace(/^\//, "") === wanted) return tar.slice(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`The bundle of opa has no ${wanted}; run it by hand: opa build -t wasm.`);
}

async function main(check: boolean): Promise<void> {
  const opa = await findOpa();
  if (!opa.ok) throw new Error(`The policy cannot be built: ${opa.reason}.`);
  const built = await buildPolicy(opa.path);
  if (!check) return writeFile(POLICY_FILE, built);
  if (!(await readFile(POLICY_FILE)).equals(built))
    throw new Error(
      "policies/policy.wasm differs from its sources; run `node --import tsx scripts/build-policy.ts` and commit the result.",
    );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.includes("--check")).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
