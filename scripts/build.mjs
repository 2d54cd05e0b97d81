/**
 * Builds `src` to `dist` for a package or an image: esbuild compiles the sources, the workflows and the processes become bundles, and other
 * files are copied. A failed build leaves the previous one unchanged. `--remove` removes the build, so that a clone never runs an old one.
 * `--out FOLDER` builds into another folder of the clone, beside `src`.
 */
import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as compile } from "esbuild";
import { runNode } from "./child.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv.indexOf("--out");
const dist = join(root, out === -1 ? "dist" : (process.argv[out + 1] ?? "dist"));
const made = `${dist}.${process.pid}`;
const ENTRIES = ["api/main", "worker/lab256.main", "worker/lab512.main", "cli/main"];

if (process.argv.includes("--remove")) rmSync(dist, { recursive: true, force: true });
else process.exit(await build());

/** Compiles each module by itself and checks no types, which `npm test` does. */
async function compileSources() {
  const sources = readdirSync(join(root, "src"), { recursive: true }).filter((path) => path.endsWith(".ts"));
  await compile({
    entryPoints: sources.map((path) => join(root, "src", path)),
    outbase: join(root, "src"),
    outdir: made,
    tsconfig: join(root, "tsconfig.json"),
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "warning",
  });
}

async function build() {
  try {
    await compileSources();
    const workflows = await runNode(["--import", "tsx", join(root, "src", "worker", "build-workflows.main.ts"), made], {
      cwd: root,
      shown: true,
    });
    if (workflows.code !== 0) return workflows.code;
    for (const path of readdirSync(join(root, "src"), { recursive: true }))
      if ([".mjs", ".json"].includes(extname(path))) cpSync(join(root, "src", path), join(made, path));
    const bundles = await runNode([join(root, "scripts", "bundle.mjs"), made, ...ENTRIES], { cwd: root, shown: true });
    if (bundles.code !== 0) return bundles.code;
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
    return 0;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
