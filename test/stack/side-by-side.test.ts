import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { removeDataFolder } from "../../src/stack/data-folder.js";
import { type Servers, startServers } from "../../src/stack/servers/servers.js";

const silent = (): void => undefined;

describe("a second set of servers beside the running one", () => {
  let data_dir: string;
  let servers: Servers;
  const start = (): Promise<Servers> =>
    startServers({ data_dir, log: silent, object_store: "directory", search_attributes: { OgrTenant: "Keyword" } });

  beforeAll(async () => {
    // The Postgres of the run serves here as the one that an operator gives.
    vi.stubEnv("DATABASE_URL", inject("servers").database_url);
    data_dir = await mkdtemp(join(tmpdir(), "ogr-beside-"));
    servers = await start();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await servers.stop();
    await removeDataFolder(data_dir, silent);
  });

  test("has addresses of its own, and uses the given Postgres and the folder", () => {
    expect(servers.temporal.address).not.toBe(inject("servers").temporal_address);
    expect(servers.database_url).toBe(inject("servers").database_url);
    expect(servers.object_store).toEqual({ kind: "directory", path: join(data_dir, "objects") });
    expect(servers.processes.map(({ name }) => name)).toEqual(["temporal"]);
  });

  test("serves its UI", async () => {
    expect((await fetch(servers.temporal.ui_url)).status).toBe(200);
  });

  test("keeps its data folder to itself while it runs", async () => {
    await expect(start()).rejects.toThrow(`process ${process.pid} already runs on ${data_dir}`);
    expect(await removeDataFolder(data_dir, silent)).toBe(false);
  });

  test("continues at the same addresses after a stop", async () => {
    const before = servers.temporal;
    await servers.stop();
    expect(servers.processes).toEqual([]);
    servers = await start();
    expect(servers.temporal).toEqual(before);
  });

  test("says what to do when the given Postgres does not answer, and leaves nothing running", async () => {
    await servers.stop();
    vi.stubEnv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none");
    await expect(start()).rejects.toThrow("start it, or unset DATABASE_URL");
    vi.stubEnv("DATABASE_URL", inject("servers").database_url);
    servers = await start();
    expect(servers.processes.map(({ name }) => name)).toEqual(["temporal"]);
  });
});
