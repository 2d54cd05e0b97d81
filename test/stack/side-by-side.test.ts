import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { removeDataFolder } from "../../src/stack/data-folder.js";
import { type Servers, startServers } from "../../src/stack/servers/servers.js";

const ignoreLine = (): void => undefined;

describe("a second set of servers beside the running one", () => {
  let dataDir: string;
  let servers: Servers;
  const start = (): Promise<Servers> =>
    startServers({ dataDir, log: ignoreLine, objectStore: "directory", searchAttributes: ["OgrTenant"] });

  beforeAll(async () => {
    // The Postgres of the test run acts as the one that an operator provides.
    vi.stubEnv("DATABASE_URL", inject("servers").database_url);
    dataDir = await mkdtemp(join(tmpdir(), "ogr-beside-"));
    servers = await start();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await servers.stop();
    await removeDataFolder(dataDir, ignoreLine);
  });

  test("has its own addresses, and uses the given Postgres and data folder", () => {
    expect(servers.temporal.address).not.toBe(inject("servers").temporal_address);
    expect(servers.databaseUrl).toBe(inject("servers").database_url);
    expect(servers.objectStore).toEqual({ kind: "directory", path: join(dataDir, "objects") });
    expect(servers.processes.map(({ name }) => name)).toEqual(["temporal"]);
  });

  test("serves its UI", async () => {
    expect((await fetch(servers.temporal.uiUrl)).status).toBe(200);
  });

  test("locks its data folder while it runs", async () => {
    await expect(start()).rejects.toThrow(`process ${process.pid} already uses ${dataDir}`);
    expect(await removeDataFolder(dataDir, ignoreLine)).toBe(false);
  });

  test("uses the same addresses after a restart", async () => {
    const before = servers.temporal;
    await servers.stop();
    expect(servers.processes).toEqual([]);
    servers = await start();
    expect(servers.temporal).toEqual(before);
  });

  test("fails with the remedy if the given Postgres does not respond, and leaves no process running", async () => {
    await servers.stop();
    vi.stubEnv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none");
    await expect(start()).rejects.toThrow("start it, or unset DATABASE_URL");
    vi.stubEnv("DATABASE_URL", inject("servers").database_url);
    servers = await start();
    expect(servers.processes.map(({ name }) => name)).toEqual(["temporal"]);
  });
});
