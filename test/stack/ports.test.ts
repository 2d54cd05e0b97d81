import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseUnusualPorts } from "../../scripts/unusual-ports.js";
import { choosePorts, DEFAULT_PORTS, isPortFree, type PortName, waitForFreePorts } from "../../src/stack/servers/ports.js";

let folder: string;
const listeners: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-ports-"));
});
afterEach(async () => {
  await closeListeners();
  await rm(folder, { recursive: true, force: true });
});

/** Chooses ports other than the defaults, which other programs on this machine may take at any time. */
const chooseOwnPorts = <N extends PortName>(...names: N[]) => choosePorts(folder, names, {});

async function occupy(port: number, host: string): Promise<void> {
  // A connected client would keep the server from closing.
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen({ port, host }, resolve));
  listeners.push(server);
}

async function closeListeners(): Promise<void> {
  await Promise.all(listeners.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
}

test("a data folder keeps its ports across starts", async () => {
  const first = await chooseOwnPorts("temporal", "postgres");
  expect(await chooseOwnPorts("temporal", "postgres")).toEqual(first);
});

test.each(["127.0.0.1", "0.0.0.0"])("a port that another program holds on %s is not chosen", async (host) => {
  const { object_store } = await chooseOwnPorts("object_store");
  await occupy(object_store, host);
  expect(await isPortFree(object_store)).toBe(false);
  const second = await chooseOwnPorts("object_store");
  expect(second.object_store).not.toBe(object_store);
  expect(await isPortFree(second.object_store)).toBe(true);
});

test("concurrent choices never return the same port", async () => {
  const chosen = await Promise.all([
    chooseOwnPorts("temporal", "temporal_ui"),
    chooseOwnPorts("object_store"),
    chooseOwnPorts("postgres", "api"),
  ]);
  const ports = chosen.flatMap((part) => Object.values(part));
  expect(new Set(ports).size).toBe(5);
});

test("a second stack uses none of the default ports and keeps its ports", async () => {
  await chooseUnusualPorts(folder);
  const names = Object.keys(DEFAULT_PORTS) as (keyof typeof DEFAULT_PORTS)[];
  const ports = await choosePorts(folder, names);
  for (const name of names) expect([name, ports[name] !== DEFAULT_PORTS[name]]).toEqual([name, true]);
  expect(new Set(Object.values(ports)).size).toBe(names.length);
});

test("a restarted server waits until its own port is free", async () => {
  const { temporal } = await chooseOwnPorts("temporal");
  await waitForFreePorts(folder, ["temporal"]);
  await occupy(temporal, "127.0.0.1");
  let isFreed = false;
  const freed = waitForFreePorts(folder, ["temporal"]).then(() => {
    isFreed = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(isFreed).toBe(false);
  await closeListeners();
  await freed;
  await occupy(temporal, "127.0.0.1");
  await expect(waitForFreePorts(folder, ["temporal"], 200)).rejects.toThrow(`Port ${temporal} of temporal is taken by another program`);
});
