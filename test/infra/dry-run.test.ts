import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Operator } from "./operator.js";
import { createShopOperators, expectRefused, SITE } from "./shop-operators.js";

const { operator } = createShopOperators();

describe("--dry-run", () => {
  /** Reads every file of the clone and its git folder that a command could write. */
  const readState = (made: Operator) => ({
    status: made.clone.git("status", "--porcelain", "--untracked-files=all"),
    refs: made.clone.git("for-each-ref"),
    head: made.clone.git("symbolic-ref", "HEAD"),
    staged: made.clone.git("diff", "--cached", "--name-only"),
    registry: made.registry,
    lock: existsSync(join(made.clone.folder, ".git", "ogr-infra.lock")),
  });

  it("describes what each command would do, refuses what the command would refuse, and changes nothing", async () => {
    const made = operator();
    const begun = readState(made);
    expect((await made.run("helpers/new-branch.sh", ["infra/change", "--dry-run"])).stdout).toContain(
      "Would create the branch infra/change",
    );
    expectRefused(await made.run("infra.sh", [...SITE, "--dry-run"]), 3, "branch_is_main", /new-branch\.sh/);
    expectRefused(await made.runOgr("init", "--dry-run"), 6, "registry_exists", /nothing was written/);
    expect(readState(made)).toEqual(begun);
    made.clone.git("switch", "-q", "-c", "infra/change");
    const before = readState(made);
    for (const args of [
      SITE,
      ["disable", "acme/shop", "--reason", "Over"],
      ["unregister", "acme/shop", "--confirm-delete", "--reason", "x"],
    ]) {
      const said = await made.run("infra.sh", [...args, "--dry-run"]);
      expect(said).toMatchObject({ code: 0, stderr: "" });
      expect(said.stdout).toContain(`${args[0]} ${args[1]}`);
      expect(said.stdout).toContain("Nothing was changed (--dry-run).");
    }
    const json = await made.run("infra.sh", [...SITE, "--dry-run", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, dry_run: true, action: "register", repo: "site" });
    expectRefused(await made.run("infra.sh", ["enable", "acme/shop", "--dry-run"]), 6, "already_enabled", /nothing to change/);
    expectRefused(await made.run("helpers/finalize-registry.sh", ["--dry-run"]), 6, "registry_not_modified", /infra\.sh/);
    expect(readState(made)).toEqual(before);
    expect(await made.run("infra.sh", SITE)).toMatchObject({ code: 0 });
    const changed = readState(made);
    const finalize = await made.run("helpers/finalize-registry.sh", ["--dry-run"]);
    expect(finalize).toMatchObject({ code: 0, stdout: "would stage register acme/site\nNothing was staged (--dry-run).\n" });
    expect(readState(made)).toEqual(changed);
  });
});
