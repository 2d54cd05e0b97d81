import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseUnusualPorts } from "../../scripts/unusual-ports.js";
import { choosePorts, isPortFree, usualPorts, waitForFreePorts } from "../../src/stack/servers/ports.js";

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
  expect(await isPortFree(object_store)).toBe(false);
  const second = await choosePorts(folder, ["object_store"]);
  expect(second.object_store).not.toBe(object_store);
  expect(await isPortFree(second.object_store)).toBe(true);
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

test("a stack beside a developer's own has none of the usual ports, and keeps those that it has", async () => {
  await chooseUnusualPorts(folder);
  const names = Object.keys(usualPorts) as (keyof typeof usualPorts)[];
  const ports = await choosePorts(folder, names);
  for (const name of names) expect([name, ports[name] !== usualPorts[name]]).toEqual([name, true]);
  expect(new Set(Object.values(ports)).size).toBe(names.length);
});

test("a server that comes back waits for its port, and for no other", async () => {
  const { temporal } = await choosePorts(folder, ["temporal"]);
  await waitForFreePorts(folder, ["temporal"]);
  await occupy(temporal, "127.0.0.1");
  let isFreed = false;
  const freed = waitForFreePorts(folder, ["temporal"]).then(() => {
    isFreed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isFreed).toBe(false);
  await Promise.all(listeners.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  await freed;
  await occupy(temporal, "127.0.0.1");
  await expect(waitForFreePorts(folder, ["temporal"], 200)).rejects.toThrow(`Port ${temporal} of temporal is taken by another program`);
});
