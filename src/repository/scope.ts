import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { GitFault } from "./git-fault.js";

/** The folder that one tenant's git work may touch (`fs_scope`, ADR-002 §6). Every path is made and checked here. */
export class Scope {
  readonly root: string;

  /** Creates the folder when it is absent. @throws GitFault `outside_scope` for a path that git cannot be told unambiguously. */
  constructor(folder: string) {
    if (!isAbsolute(folder) || /[\n\r"]/.test(folder))
      throw new GitFault(
        "outside_scope",
        `The scope ${JSON.stringify(folder)} must be an absolute path without quotes or line ends; change fs_scope.`,
      );
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.root = realpathSync(folder);
  }

  /** A path below the scope. @throws GitFault `outside_scope` when the segments leave it. */
  resolvePath(...segments: string[]): string {
    const path = join(this.root, ...segments);
    this.assertWithin(path);
    return path;
  }

  /**
   * Creates a folder below the scope and proves that no symbolic link on the way leads out of it. Synchronous on purpose: a handful of
   * small calls cost a tenth of what the thread pool takes for them, and every act makes a folder.
   */
  createFolder(...segments: string[]): string {
    const path = this.resolvePath(...segments);
    // mkdir would follow a link before realpath could look at it, so the deepest folder that exists is checked first.
    let existing = path;
    while (lstatSync(existing, { throwIfNoEntry: false }) === undefined) existing = join(existing, "..");
    this.assertWithin(realpathSync(existing));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** @throws GitFault `outside_scope` when `path` is not the scope or below it, by its letters. */
  assertWithin(path: string): void {
    const within = relative(this.root, resolve(path));
    if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within))
      throw new GitFault(
        "outside_scope",
        `The path ${path} lies outside of ${this.root}. This is a bug or an attack; nothing was written.`,
      );
  }
}
