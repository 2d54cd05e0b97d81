import { Counter, Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { pushMetrics } from "../../../src/process/metrics/pushing.js";
import { Gateway } from "./gateway.js";

const HOUR_MS = 3_600_000;

let gateway: Gateway | undefined;
afterEach(() => gateway?.close());

function registry(): { registry: Registry; counter: Counter } {
  const made = new Registry();
  return { registry: made, counter: new Counter({ name: "ogr_test_total", help: "A test", registers: [made] }) };
}

describe("metrics of a process without a listener", () => {
  it("are pushed at the start and at the end under job and instance", async () => {
    gateway = new Gateway();
    const { registry: metrics, counter } = registry();
    const failures: Error[] = [];
    const target = { url: `${await gateway.listen()}/`, job: "ogr_lab512", instance: "host a/1", everyMs: HOUR_MS };
    const pushing = pushMetrics([metrics], { ...target, onFailure: (error) => failures.push(error) });
    counter.inc(3);
    await pushing.stop();
    expect(gateway.pushes.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "PUT /metrics/job/ogr_lab512/instance/host%20a%2F1",
      "PUT /metrics/job/ogr_lab512/instance/host%20a%2F1",
    ]);
    expect(gateway.pushes.at(-1)?.body).toContain("ogr_test_total 3");
    expect(failures).toEqual([]);
  });

  it("are pushed repeatedly while it runs", async () => {
    gateway = new Gateway();
    const url = await gateway.listen();
    const pushing = pushMetrics([registry().registry], { url, job: "j", instance: "i", everyMs: 5, onFailure: () => undefined });
    while (gateway.pushes.length < 4) await new Promise(setImmediate);
    await pushing.stop();
  });

  it("are logged as failed if a push fails, without another effect", async () => {
    gateway = new Gateway(500);
    const failures: string[] = [];
    const target = { url: await gateway.listen(), job: "j", instance: "i", everyMs: HOUR_MS };
    await pushMetrics([registry().registry], { ...target, onFailure: ({ message }) => failures.push(message) }).stop();
    expect(failures).toEqual([expect.stringContaining("status 500"), expect.stringContaining("status 500")]);
    await gateway.close();
    gateway = undefined;
    await pushMetrics([registry().registry], { ...target, onFailure: ({ message }) => failures.push(message) }).stop();
    expect(failures).toHaveLength(4);
  });
});
