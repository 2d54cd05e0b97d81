import { Gauge, Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { type MetricsListener, serveMetrics } from "../../../src/process/metrics/listener.js";

let listener: MetricsListener | undefined;

async function listening(collect: () => Promise<number> = async () => 7): Promise<string> {
  const registry = new Registry();
  new Gauge({
    name: "ogr_test",
    help: "A test",
    registers: [registry],
    async collect() {
      this.set(await collect());
    },
  });
  listener = await serveMetrics([registry], { host: "127.0.0.1", port: 0 });
  return listener.url;
}

afterEach(async () => {
  await listener?.close();
});

describe("the listener for metrics", () => {
  it("serves only the metrics", async () => {
    const url = await listening();
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toContain("ogr_test 7");
    expect((await fetch(new URL("/v1/whoami", url))).status).toBe(404);
    expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(405);
  });

  it("returns 500 without the reason if a metric throws", async () => {
    const url = await listening(() => Promise.reject(new Error("postgresql://ogr:secret@db")));
    const answer = await fetch(url);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("The metrics could not be collected.\n");
  });
});
