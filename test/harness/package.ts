import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
import { ignoreAbsence } from "../../src/process/durable-file.js";
import { withFolderLock } from "../../src/process/lock.js";
import { resolveBuiltProcesses } from "./processes.js";

const run = promisify(execFile);
const root = resolve(".");
const folder = join(root, ".ogr", "package");

/** The files and folders that determine the package's content. */
const inputs = [
  "src",
  "bin",
  "config",
  "policies/policy.wasm",
  "scripts",
  "templates",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "README.md",
];

/** The package as published. */
export interface PackedPackage {
  /** The tarball by `npm pack`. */
  readonly tarball: string;
  /** Its unpacked content, which resolves its dependencies in this clone. */
  readonly unpacked: string;
}

/**
 * Runs `npm pack` on a copy of this tree with the build of this run, so that no other test sees a build in the clone. The result is cached
 * under the hash of its inputs. Concurrent tests wait for the first one.
 */
export async function packPackage(): Promise<PackedPackage> {
  const place = join(folder, (await hashFiles(inputs)).slice(0, 24));
  const packed = { tarball: join(place, "package.tgz"), unpacked: join(place, "package") };
  await withFolderLock(
    join(folder, "lock"),
    () => undefined,
    async () => {
      if (await stat(packed.tarball).catch(ignoreAbsence)) return;
      await mkdir(folder, { recursive: true });
      const others = (await readdir(folder)).filter((name) => !name.startsWith("lock"));
      await Promise.all(others.map((name) => rm(join(folder, name), { recursive: true, force: true })));
      await packInto(place);
    },
  );
  return packed;
}

async function packInto(place: string): Promise<void> {
  const tree = await mkdtemp(join(tmpdir(), "ogr-tree-"));
  try {
    for (const input of inputs) await cp(join(root, input), join(tree, input), { recursive: true });
    await symlink(join(root, "node_modules"), join(tree, "node_modules"));
    // `prepack` would make the same build once more.
    const { built } = inject("servers");
    const isBuilt = built !== undefined;
    if (isBuilt) await cp(built, join(tree, "dist"), { recursive: true, filter: (path) => path !== resolveBuiltProcesses(built) });
    const { stdout } = await run("npm", ["pack", "--silent", ...(isBuilt ? ["--ignore-scripts"] : [])], { cwd: tree });
    const tarball = join(tree, stdout.trim().split("\n").at(-1) ?? "");
    await rm(place, { recursive: true, force: true });
    await mkdir(place);
    await run("tar", ["-xzf", tarball], { cwd: place });
    // Written last, because it marks the package as complete.
    await cp(tarball, join(place, "new.tgz"));
    await rename(join(place, "new.tgz"), join(place, "package.tgz"));
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    const whole = join(root, path);
    const names = (await stat(whole)).isDirectory()
      ? (await readdir(whole, { recursive: true, withFileTypes: true }))
          .filter((one) => one.isFile())
          .map((one) => join(one.parentPath, one.name))
      : [whole];
    for (const name of names.sort())
      hash
        .update(name.slice(root.length))
        .update("\0")
        .update(await readFile(name))
        .update("\0");
  }
  return hash.digest("hex");
}
