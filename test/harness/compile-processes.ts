import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { PROCESSES, resolveBuiltProcesses } from "./processes.js";

/** Compiles the modules that tests start as processes into the build, so that they start as fast as the built ones. */
export async function compileProcesses(built: string): Promise<void> {
  const folder = resolveBuiltProcesses(built);
  await mkdir(folder, { recursive: true });
  for (const file of await readdir(PROCESSES)) {
    const source = await readFile(join(PROCESSES, file), "utf8");
    const { code } = await transform(source.replaceAll('"../../src/', '"../'), { loader: "ts", format: "esm", target: "node20" });
    await writeFile(join(folder, file.replace(/ts$/, "js")), code);
  }
  const entries = (await readdir(PROCESSES))
    .filter((file) => file.endsWith(".main.ts"))
    .map((file) => `${basename(folder)}/${basename(file, ".ts")}`);
  await promisify(execFile)(process.execPath, ["scripts/bundle.mjs", built, ...entries]);
}
