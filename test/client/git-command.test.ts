import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runGit } from "../../src/client/git/git-command.js";
import { Clone, createTemporaryFolder } from "../repository/real-git.js";

it("git's output is the same whatever the user and the repository configure", async () => {
  const clone = new Clone();
  const key = join(createTemporaryFolder("ogr-git-"), "key");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  clone.commit("a.txt", "a\n");
  clone.git("-c", "gpg.format=ssh", "-c", `user.signingKey=${key}`, "commit", "--amend", "-q", "-S", "--no-edit", "--allow-empty");
  const read = () => runGit(clone.folder, ["log", "-1", "--format=%s %an"]);
  const plain = await read();
  expect(plain).toMatch(/^change a\.txt .+\n$/);
  for (const [name = "", value = ""] of [
    ["log.showSignature", "true"],
    ["gpg.format", "ssh"],
    ["color.ui", "always"],
    ["log.mailmap", "true"],
    ["i18n.logOutputEncoding", "UTF-16"],
  ])
    clone.git("config", name, value);
  expect(await read()).toBe(plain);
});
