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
  let connectionCount = 0;
  const listener = createServer((socket) => {
    connectionCount += 1;
    socket.destroy();
  });
  let at = 0;

  beforeAll(async () => {
    await once(listener.listen(0, "127.0.0.1"), "listening");
    at = (listener.address() as AddressInfo).port;
  });
  afterAll(async () => {
    git.close();
    await once(listener.close(), "close");
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
    expect(connectionCount).toBe(0);
  });

  it("read no other repository on the machine", async () => {
    const clone = new Clone();
    clone.commit("a.txt", "one\n");
    for (const address of [clone.folder, `file://${clone.folder}`, "ext::true"]) {
      const answer = await git.run({ args: ["ls-remote", address] });
      expect(answer.stderr, address).toContain("not allowed");
    }
    rmSync(clone.folder, { recursive: true });
  });
});
