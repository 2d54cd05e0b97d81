import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Scope } from "../../../src/repository/scope.js";
import { StockGit } from "../../../src/repository/stock-git/stock-git.js";
import { Clone } from "../../repository/real-git.js";

describe("the git processes of the Runner", () => {
  const folder = mkdtempSync(join(tmpdir(), "ogr-git-net-"));
  const git = new StockGit(new Scope(folder));
  let visitors = 0;
  const trap = createServer((socket) => {
    visitors += 1;
    socket.destroy();
  });
  let at = 0;

  beforeAll(async () => {
    await once(trap.listen(0, "127.0.0.1"), "listening");
    at = (trap.address() as AddressInfo).port;
  });
  afterAll(async () => {
    git.close();
    await once(trap.close(), "close");
    rmSync(folder, { recursive: true });
  });

  const transports = ["http", "https", "git", "ssh", "ftp"];
  it.each(transports)("open no connection over %s", async (transport) => {
    for (const args of [["ls-remote"], ["fetch"], ["clone"]]) {
      const answer = await git.run({ args: [...args, `${transport}://127.0.0.1:${at}/x.git`] });
      expect(answer.code).not.toBe(0);
    }
    const direct = await git.run({ args: ["ls-remote", `${transport}://127.0.0.1:${at}/x.git`] });
    expect(direct.stderr).toContain("not allowed");
    expect(visitors).toBe(0);
  });

  it("read no other repository of the machine either", async () => {
    const clone = new Clone();
    clone.commit("a.txt", "one\n");
    for (const address of [clone.folder, `file://${clone.folder}`, "ext::true"]) {
      const answer = await git.run({ args: ["ls-remote", address] });
      expect(answer.stderr, address).toContain("not allowed");
    }
    rmSync(clone.folder, { recursive: true });
  });
});
