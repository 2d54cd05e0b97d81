import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasProcess } from "../process/process-identity.js";
import { type Refs, serialisePackedRefs } from "./refs/packed-refs.js";
import { listVisibleRefs } from "./refs/refs-state.js";
import type { Scope } from "./scope.js";

/** A bare repository of one act. It sees the objects of the cache; objects that the act creates are only in it. */
export interface Scratch {
  readonly gitDir: string;
  /** Returns the path of a file of the act. */
  resolvePath(name: string): string;
  /** Writes the refs that clients see, for ranges such as `--not --branches`. */
  writeRefs(refs: Refs): void;
  /** Returns whether the act left nothing in it, so that another act can use it. */
  isEmpty(): boolean;
  remove(): void;
}

const FOLDER = "scratch";

/** Synchronous for the same reason as `Scope.createFolder`. */
export function createScratch(scope: Scope, cacheObjects: string): Scratch {
  // The pid tells a later process whether the folder is abandoned.
  const name = `${process.pid}-${randomUUID()}`;
  const gitDir = scope.createFolder(FOLDER, name);
  mkdirSync(join(gitDir, "objects", "pack"), { recursive: true });
  mkdirSync(join(gitDir, "objects", "info"));
  mkdirSync(join(gitDir, "refs"));
  writeFileSync(join(gitDir, "objects", "info", "alternates"), `${cacheObjects}\n`);
  writeFileSync(join(gitDir, "HEAD"), "ref: refs/heads/main\n");
  return {
    gitDir,
    resolvePath: (file) => scope.resolvePath(FOLDER, name, file),
    writeRefs: (refs) => writeFileSync(join(gitDir, "packed-refs"), serialisePackedRefs(new Map(listVisibleRefs(refs)))),
    isEmpty: () =>
      hasOnlyEntries(gitDir, ["HEAD", "objects", "refs"]) &&
      hasOnlyEntries(join(gitDir, "objects"), ["info", "pack"]) &&
      hasOnlyEntries(join(gitDir, "objects", "pack"), []),
    remove: () => rmSync(gitDir, { recursive: true, force: true }),
  };
}

/** Removes the scratch folders of dead processes. */
export function removeLeftovers(scope: Scope): void {
  const folder = scope.createFolder(FOLDER);
  for (const name of readdirSync(folder)) {
    const pid = Number.parseInt(name, 10);
    if (Number.isInteger(pid) && pid !== process.pid && !hasProcess(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function hasOnlyEntries(folder: string, names: readonly string[]): boolean {
  return readdirSync(folder).every((name) => names.includes(name));
}
