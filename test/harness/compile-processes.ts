import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { build, transform } from "esbuild";
import { PROCESSES, resolveBuiltProcesses } from "./processes.js";

/** Every module that a test starts as a process or as a thread of one, apart from those that {@link PROCESSES} holds. */
const BUILT_ENTRIES = ["api/main", "worker/lab256.main", "worker/lab512.main", "worker/workflow-thread", "cli/main"];

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
  await writeTwins(built, [...BUILT_ENTRIES, ...entries]);
}

/**
 * Writes a twin of each entry beside the tests' processes: the same code as one script, since Node 20 can keep the compiled code of a script
 * and not of modules. See code-cache.cjs.
 */
async function writeTwins(built: string, entries: readonly string[]): Promise<void> {
  const paths = new Set(entries.map((entry) => join(built, `${entry}.js`)));
  const { outputFiles } = await build({
    write: false,
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, join(built, `${entry}.js`)])),
    outdir: join(resolveBuiltProcesses(built), "twins"),
    outExtension: { ".js": ".cjs" },
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    packages: "external",
    // A process reads and keeps the whole text, of which this drops almost half.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    banner: { js: "(function (require, module, __main) {" },
    footer: { js: "})" },
    define: { "import.meta.url": "__main" },
    logLevel: "warning",
    // Only sources use another part of it.
    logOverride: { "empty-import-meta": "silent" },
    plugins: [
      {
        name: "await-nothing",
        setup({ onLoad }) {
          onLoad({ filter: /\.js$/ }, async ({ path }) =>
            paths.has(path) ? { contents: withoutTopLevelAwait(await readFile(path, "utf8")), loader: "js" } : undefined,
          );
        },
      },
    ],
  });
  for (const { path, text } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, escapeToAscii(text));
  }
}

/** esbuild escapes all but regular expressions. */
function escapeToAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A script cannot wait at its top level. Our entries wait there only for their last statement. */
function withoutTopLevelAwait(code: string): string {
  return code.replace(/^await /m, "").replace(/^process\.exitCode = await (.*);$/m, "$1.then((code) => { process.exitCode = code; });");
}
