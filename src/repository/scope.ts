import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { GitFault } from "./git-fault.js";

/** The only folder that one tenant's git work can touch (`fs_scope`, ADR-002 §6). Builds and checks every path in it. */
export class Scope {
  readonly root: string;

  /**
   * Creates the folder if absent.
   *
   * @throws GitFault `outside_scope` for a path that is ambiguous to git.
   */
  constructor(folder: string) {
    if (!isAbsolute(folder) || /[\n\r"]/.test(folder))
      throw new GitFault(
        "outside_scope",
        `The scope ${JSON.stringify(folder)} must be an absolute path without quotes or line ends; change fs_scope.`,
      );
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.root = realpathSync(folder);
  }

  /**
   * Returns a path below the scope.
   *
   * @throws GitFault `outside_scope` if the segments lead out of it.
   */
  resolvePath(...segments: string[]): string {
    const path = join(this.root, ...segments);
    this.assertWithin(path);
    return path;
  }

  /**
   * Creates a folder below the scope and proves that no symbolic link on the way leads out of it. Synchronous, because every act creates
   * a folder, and a few small calls take a tenth of the time they would take in the thread pool.
   */
  createFolder(...segments: string[]): string {
    const path = this.resolvePath(...segments);
    // mkdir would follow a link before realpath could check it, so the deepest existing folder is checked first.
    let existing = path;
    while (lstatSync(existing, { throwIfNoEntry: false }) === undefined) existing = join(existing, "..");
    this.assertWithin(realpathSync(existing));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /**
   * Compares names only.
   *
   * @throws GitFault `outside_scope` if `path` is neither the scope nor below it.
   */
  assertWithin(path: string): void {
    const within = relative(this.root, resolve(path));
    if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within))
      throw new GitFault("outside_scope", `The path ${path} is outside of ${this.root}. This is a bug or an attack; nothing was written.`);
  }
}
