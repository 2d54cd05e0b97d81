import { execFile, execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../src/infra/files.js";
import { runOgrHere } from "../cli/ogr-here.js";
import { resolveOgr } from "../cli/run-ogr.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";

const SCRIPTS = fileURLToPath(new URL("../../scripts/infra/", import.meta.url));

export interface ProgramOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An operator's clone of a registry, with a bare repository as `origin` and the scripts of this repository. */
export class Operator {
  readonly folder = createTemporaryFolder("ogr-infra-operator-");
  readonly remote = join(this.folder, "remote.git");
  readonly clone: Clone;
  /** The programs in this folder take precedence over those of the system. */
  readonly programs = join(this.folder, "programs");

  readonly scripts = join(this.folder, "scripts", "infra");
  /** Where `ogr` writes its words instead of doing anything, when a call asks it to. */
  readonly #words = join(this.folder, "words");

  constructor(registry: string, origin: string | null = this.remote) {
    mkdirSync(this.programs);
    this.#adoptScripts();
    const root = join(this.folder, "clone");
    mkdirSync(root);
    this.clone = new Clone(root);
    execFileSync("git", ["init", "-q", "--bare", "-b", "main", this.remote]);
    this.clone.commit(REGISTRY_PATH, registry, "An infra registry");
    if (origin === null) return;
    this.clone.git("remote", "add", "origin", origin);
    if (origin === this.remote) this.clone.git("push", "-q", "-u", "origin", "main");
  }

  /** Copies the scripts as an adopter does, with an `ogr` on the PATH. */
  #adoptScripts(): void {
    cpSync(SCRIPTS, this.scripts, { recursive: true });
    const note = `if [ -n "\${OGR_WORDS-}" ]; then printf '%s\\0' "$@" >"$OGR_WORDS"; exit 0; fi`;
    writeFileSync(join(this.programs, "ogr"), `#!/bin/sh\n${note}\nexec "${process.execPath}" "${resolveOgr()}" "$@"\n`, { mode: 0o755 });
  }

  /**
   * Runs a script of `scripts/infra`, `infra.sh` or `helpers/…`, in the clone. The `ogr` that it calls runs in this process, since starting
   * it takes much longer than what it does.
   */
  async run(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    cwd = this.clone.folder,
  ): Promise<ProgramOutput> {
    rmSync(this.#words, { force: true });
    const said = await this.runAsProcess(script, args, { ...env, OGR_WORDS: this.#words }, cwd);
    if (!existsSync(this.#words)) return said;
    const words = readFileSync(this.#words, "utf8").split("\0").slice(0, -1);
    const { code, stdout, stderr } = await runOgrHere(words, this.#buildEnvironment(env), { cwd });
    return { code, stdout: said.stdout + stdout, stderr: said.stderr + stderr };
  }

  /** Runs a script with the real `ogr`. */
  runAsProcess(
    script: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    cwd = this.clone.folder,
  ): Promise<ProgramOutput> {
    return this.program(join(this.scripts, script), args, env, cwd);
  }

  runOgr(...args: string[]): Promise<ProgramOutput> {
    return this.run("ogr.sh", ["infra", ...args]);
  }

  #buildEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
    return { PATH: `${this.programs}:${process.env.PATH}`, HOME: this.folder, GIT_CONFIG_NOSYSTEM: "1", ...env };
  }

  program(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    cwd = this.clone.folder,
  ): Promise<ProgramOutput> {
    const environment = this.#buildEnvironment(env);
    return new Promise((resolve, reject) => {
      const child = execFile(program, [...args], { cwd, env: environment }, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === "number") resolve({ code, stdout, stderr });
        else reject(error);
      });
      child.stdin?.end();
    });
  }

  read(path: string): string {
    return readFileSync(join(this.clone.folder, path), "utf8");
  }

  get registry(): string {
    return this.read(REGISTRY_PATH);
  }

  get changelog(): string {
    return this.read(CHANGELOG_PATH);
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.clone.folder, path), text);
  }

  /** Installs a Node program before those of the system and records its arguments. */
  intercept(name: string, source: string): { listCalls(): string[][] } {
    const log = join(this.folder, `${name}.calls`);
    appendFileSync(log, "");
    const path = join(this.programs, name);
    const record = `require("node:fs").appendFileSync(${JSON.stringify(log)}, JSON.stringify(process.argv.slice(2)) + "\\n");`;
    writeFileSync(path, `#!${process.execPath}\n${record}\n${source}\n`);
    chmodSync(path, 0o755);
    return {
      listCalls: () =>
        readFileSync(log, "utf8")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as string[]),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
