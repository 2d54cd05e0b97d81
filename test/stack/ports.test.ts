import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choosePorts, isFree } from "../../src/stack/ports.js";

let folder: string;
const listeners: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-ports-"));
});
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(folder, { recursive: true, force: true });
});

async function occupy(port: number, host: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen({ port, host }, resolve));
  listeners.push(server);
}

test("a data folder keeps its ports from one start to the next", async () => {
  const first = await choosePorts(folder, ["temporal", "postgres"]);
  expect(await choosePorts(folder, ["temporal", "postgres"])).toEqual(first);
});

test.each(["127.0.0.1", "0.0.0.0"])("a port that another program holds on %s is left to it", async (host) => {
  const { object_store } = await choosePorts(folder, ["object_store"]);
  await occupy(object_store, host);
  expect(await isFree(object_store)).toBe(false);
  const second = await choosePorts(folder, ["object_store"]);
  expect(second.object_store).not.toBe(object_store);
  expect(await isFree(second.object_store)).toBe(true);
});

test("choices made at the same time never name one port twice", async () => {
  const chosen = await Promise.all([
    choosePorts(folder, ["temporal", "temporal_ui"]),
    choosePorts(folder, ["object_store"]),
    choosePorts(folder, ["postgres", "api"]),
  ]);
  const ports = chosen.flatMap((part) => Object.values(part));
  expect(new Set(ports).size).toBe(5);
});
