import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A clone driven by stock git. Its dates are fixed, so that every run makes the same ids. */
export class Clone {
  #clock = 1_700_000_000;

  constructor(readonly folder: string = createTemporaryFolder("ogr-clone-")) {
    this.git("init", "-q", "-b", "main");
  }

  git(...args: string[]): string {
    return this.run(args).toString("utf8").trim();
  }

  run(args: string[], input?: Uint8Array): Buffer {
    this.#clock += 60;
    const date = `${this.#clock} +0100`;
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: this.folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.org",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.org",
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
      // Otherwise each commit starts two more processes.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "maintenance.auto",
      GIT_CONFIG_VALUE_0: "false",
    };
    return execFileSync("git", args, {
      cwd: this.folder,
      env,
      input: input ?? "",
      stdio: ["pipe", "pipe", "pipe"],
      maxBuffer: 256 * 1024 * 1024,
    });
  }

  /** Writes and commits a file. Returns the new commit. */
  commit(path: string, text: string | Uint8Array, message = `change ${path}`): string {
    return this.commitFiles({ [path]: text }, message);
  }

  commitFiles(files: Readonly<Record<string, string | Uint8Array>>, message: string): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), text);
    }
    this.git("add", "-A");
    this.git("commit", "-q", "-m", message);
    return this.readHead();
  }

  readHead(rev = "HEAD"): string {
    const head = rev === "HEAD" ? this.#readHeadFile() : undefined;
    if (head === undefined) return this.git("rev-parse", rev);
    this.#clock += 60;
    return head;
  }

  /** Reads the commit of HEAD without git, whose start takes much longer. Returns nothing if the branch has no file of its own. */
  #readHeadFile(): string | undefined {
    const readLine = (name: string): string => readFileSync(join(this.folder, ".git", name), "utf8").trim();
    const head = readLine("HEAD");
    if (!head.startsWith("ref: ")) return head;
    const ref = head.slice("ref: ".length);
    return existsSync(join(this.folder, ".git", ref)) ? readLine(ref) : undefined;
  }

  /** Makes a bundle of `ref` without the commits that `not` reaches. */
  bundle(ref: string, not: readonly string[] = [], version = 2): Buffer {
    const path = join(this.folder, ".git", "out.bundle");
    this.git("bundle", "create", `--version=${version}`, path, ref, ...not.map((id) => `^${id}`));
    return readFileSync(path);
  }

  /** Makes a bundle with the given pack. */
  wrap(tip: string, pack: Uint8Array, prerequisites: readonly string[] = []): Buffer {
    const header = `# v2 git bundle\n${prerequisites.map((id) => `-${id} x\n`).join("")}${tip} refs/heads/x\n\n`;
    return Buffer.concat([Buffer.from(header), pack]);
  }

  /** Stores an object, even a malformed one. Returns its id. */
  writeObject(type: string, bytes: Uint8Array): string {
    return this.run(["hash-object", "-t", type, "-w", "--literally", "--stdin"], bytes).toString("utf8").trim();
  }

  /** Makes a pack of exactly these objects. */
  pack(ids: readonly string[]): Buffer {
    return this.run(["pack-objects", "--stdout", "-q"], Buffer.from(ids.map((id) => `${id}\n`).join("")));
  }

  commitTree(tree: string, parents: readonly string[] = []): string {
    return this.git("commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-m", "made by hand");
  }
}

export function buildTreeEntry(mode: string, name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]);
}

/** Creates a folder in the system's temporary folder. */
export function createTemporaryFolder(prefix: string): string {
  return mkdtempSync(join(tmpdir(), prefix));
}
