import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runGit } from "../../../src/client/git/git-command.js";
import type { ServedRegistry } from "../../harness/registry.js";
import { runOgrHere as ogr } from "../ogr-here.js";
import { toPersonEnvironment } from "../run-ogr.js";

const START = "node bin/ogr.mjs ";

/** The commands of the README's section, in their order. */
async function readCommands(): Promise<string[]> {
  const page = await readFile(new URL("../../../README.md", import.meta.url), "utf8");
  const [, section = ""] = page.split("\n## Stay and try\n");
  const lines = (section.split("\n## ")[0] ?? "").split("\n").map((line) => line.replace(/\s+#.*/, "").trim());
  return lines.flatMap((line) => (line.startsWith(START) ? [line.slice(START.length)] : []));
}

export function describeReadme(registry: () => ServedRegistry): void {
  describe("somebody who tries what the README says", () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "ogr-readme-"));
      await runGit(folder, ["init", "--quiet", "--initial-branch=trial"]);
      await writeFile(join(folder, "hello"), "hello\n");
      await runGit(folder, ["add", "--all"]);
      await runGit(folder, ["-c", "user.name=Mira", "-c", "user.email=mira@example.org", "commit", "--quiet", "-m", "Say hello"]);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it("gets from a registration to a merge by its commands alone", async () => {
      const commands = await readCommands();
      expect(commands.length).toBeGreaterThan(7);
      let card = "";
      let shown = "";
      for (const command of commands) {
        const [, who = "admin"] = / --as (\S+)/.exec(command) ?? [];
        const words = command
          .replace(/ --as \S+/, "")
          .replace("k-…", card)
          .replace(".ogr/dev/", `${registry().dataDir}/`)
          .split(" ");
        // At a terminal a person is asked; the clone is smaller here.
        if (words[1] === "add-passkey") words.push("--yes");
        if (words[0] === "push") words.push("--from", folder);
        const { code, stdout, stderr } = await ogr(words, toPersonEnvironment(registry(), who));
        expect([command, code, stderr.replace(/^(?!ogr:).*\n/gm, "")]).toEqual([command, 0, ""]);
        card = /^(k-[0-9a-f]+): /m.exec(stdout)?.[1] ?? card;
        shown = stdout;
      }
      expect(shown).toMatch(/ref {7}[0-9a-f]{12} refs\/heads\/main\n/);
    });
  });
}
