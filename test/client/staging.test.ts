import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBundle } from "../../src/client/git/bundle.js";
import { GitRefused } from "../../src/client/git/git-command.js";
import { createRegistryClient } from "../../src/client/http/registry-client.js";
import { hashBlake3Hex } from "../../src/domain/bytes/hash.js";
import { Clone } from "../repository/real-git.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-client-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a bundle", () => {
  it.each([10, 3_000_000])("has the BLAKE3 and the size of its file (%i bytes in it)", async (bytes) => {
    const clone = new Clone();
    const tip = clone.commit("noise", Buffer.from(Array.from({ length: bytes }, (_, n) => (n * n * 2654435761) >>> 13)));
    const path = join(folder, "x.bundle");
    const bundle = await createBundle(clone.folder, "refs/heads/main", [], path);
    const written = await readFile(path);
    expect(bundle).toEqual({ path, tip, commits: 1, sizeBytes: written.length, blake3: hashBlake3Hex(written) });
    expect(clone.git("bundle", "verify", path)).toContain("refs/heads/main");
  });

  it("fails with git's message if git cannot create it", async () => {
    const clone = new Clone();
    clone.commit("a", "a");
    await expect(createBundle(clone.folder, "refs/heads/main", [], join(folder, "none", "x"))).rejects.toThrow("ENOENT");
    await expect(createBundle(clone.folder, "refs/heads/absent", [], join(folder, "x"))).rejects.toThrow(GitRefused);
    // The tip is readable, but its only file is not.
    await rm(join(clone.folder, ".git", "objects", ...splitId(clone.readHead("HEAD:a"))));
    await expect(createBundle(clone.folder, "refs/heads/main", [], join(folder, "x"))).rejects.toThrow(/git .*: .*\w/);
  });
});

describe("staging a file", () => {
  const answerWith = async (listener: RequestListener, act: (server: string) => Promise<void>) => {
    const server = createServer(listener);
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      await once(server.close(), "close");
    }
  };
  const stage = (server: string, path: string, timeoutMs = 20_000) =>
    createRegistryClient({ server, token: "secret", timeoutMs }, { tenant_id: "T.UBL", actor_id: "ubl:sid:app:ci" }).stageFile(
      "a".repeat(64),
      path,
    );
  const writeTestFile = async (bytes: Uint8Array) => {
    const path = join(folder, "bytes");
    await writeFile(path, bytes);
    return path;
  };

  it.each([0, 5, 5_000_000])("sends %i bytes unchanged, with the token", async (length) => {
    const bytes = Buffer.alloc(length, "bytes of a bundle ");
    const path = await writeTestFile(bytes);
    const got: Buffer[] = [];
    let seen: unknown;
    const listener: RequestListener = async (request, response) => {
      for await (const chunk of request as AsyncIterable<Buffer>) got.push(chunk);
      seen = { url: request.url, method: request.method, ...request.headers };
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ size_bytes: length }));
    };
    await answerWith(listener, async (server) => {
      expect(await stage(server, path)).toEqual({ ok: true, status: 201, value: { size_bytes: length } });
    });
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
    expect(seen).toMatchObject({
      url: `/v1/staging/${"a".repeat(64)}?tenant_id=T.UBL`,
      method: "PUT",
      authorization: "Bearer secret",
      "content-type": "application/octet-stream",
      "content-length": `${length}`,
    });
  });

  it("returns a refusal that arrives before everything is sent", async () => {
    const path = await writeTestFile(Buffer.alloc(20_000_000));
    const refuse: RequestListener = (request, response) => {
      request.resume();
      const problem = { status: 413, code: "too_large", title: "Too large", detail: "Staged bytes are at most 1 MiB." };
      response.writeHead(413, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
    };
    await answerWith(refuse, async (server) => {
      expect(await stage(server, path)).toMatchObject({ ok: false, status: 413, problem: { code: "too_large" } });
    });
  });

  it("fails if the server is unreachable or too slow", async () => {
    const path = await writeTestFile(Buffer.alloc(10));
    let gone = "";
    await answerWith(
      (request) => request.resume(),
      async (server) => {
        gone = server;
        await expect(stage(server, path, 50)).rejects.toThrow("did not answer in time");
      },
    );
    await expect(stage(gone, path)).rejects.toThrow("cannot be reached (ECONNREFUSED)");
  });
});

function splitId(id: string): [string, string] {
  return [id.slice(0, 2), id.slice(2)];
}
