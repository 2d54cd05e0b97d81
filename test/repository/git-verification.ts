import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTemporaryFolder } from "./real-git.js";

/** Whether this machine has what stock git needs to verify SSH signatures. */
export function hasSshKeygen(): boolean {
  const { error } = spawnSync("ssh-keygen", ["-R", "nowhere", "-f", "/dev/null"], { stdio: "ignore" });
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return error === undefined;
}

/** What stock git says of a commit's or tag's signature. */
export interface GitVerdict {
  readonly isGood: boolean;
  readonly said: string;
}

/** Returns how stock git verifies objects of a repository by these lines of allowed signers. */
export function openGitVerifier(repository: string, allowedSigners: string) {
  const file = join(createTemporaryFolder("ogr-signers-"), "allowed_signers");
  writeFileSync(file, allowedSigners);
  const verify = (command: "verify-commit" | "verify-tag", object: string): GitVerdict => {
    const config = ["-c", `gpg.ssh.allowedSignersFile=${file}`, "-c", "safe.directory=*"];
    const { status, stderr } = spawnSync("git", [...config, "--git-dir", repository, command, "--raw", object], { encoding: "utf8" });
    return { isGood: status === 0, said: stderr };
  };
  return { verifyCommit: (id: string) => verify("verify-commit", id), verifyTag: (name: string) => verify("verify-tag", name) };
}

/** Clones a repository with stock git. */
export function cloneBare(repository: string): string {
  const clone = join(createTemporaryFolder("ogr-clone-"), "clone.git");
  execFileSync("git", ["-c", "safe.directory=*", "clone", "-q", "--bare", "--no-local", repository, clone], { stdio: "pipe" });
  return clone;
}
