import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { submitDecision } from "../../../src/client/deciding.js";
import { requireValue } from "../../../src/client/http/problem.js";
import { waitForCardEnd } from "../../../src/client/waiting.js";
import { loadWorkflowBundle } from "../../../src/worker/workflow-bundle.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  OFFICE,
  openCard,
  PATIENCE_MS,
} from "../../harness/acting.js";
import { registerCountedPasskey } from "../../harness/passkeys.js";
import { startTestRegistry, type TestRegistry } from "../../harness/registry.js";
import { listRecordedNames, readHistory } from "../../replay/histories.js";
import { Clone } from "../../repository/real-git.js";
import { listListeningSockets } from "../../worker/open-sockets.js";
import { Gateway } from "../metrics/gateway.js";
import { Collector, type ReceivedSpan } from "./collector.js";
import { collectFoundedSecrets, type Planted, readLogs, readPasskeySecrets, recordPasskeySecrets } from "./planted-secrets.js";

const PROJECT = "P.watched";
const hasProc = existsSync("/proc/self/net/tcp");
const PLANES = ["api", "lab256", "lab512"] as const;

let registry: TestRegistry;
let clone: Clone;
/** The Runner's environment with gateway and collector. */
let pushing: Record<string, string> = {};
/** The Runner's listening sockets while it pushed. */
let listened: string[] = [];
const gateway = new Gateway();
const collector = new Collector();
/** The metrics of each process in Prometheus's format. */
const metrics: Record<string, string> = {};
const planted: Planted[] = [];
/** The `jti` of the push and the card id of the release. */
const acts = { push: "", release: "" };

/** Restarts all three processes with metrics and traces. */
async function startWatched(): Promise<void> {
  const [url, otlp] = await Promise.all([gateway.listen(), collector.listen()]);
  const allowlist = JSON.parse(await readFile(registry.founded.allowlist, "utf8"));
  for (const allowance of Object.values<{ network_whitelist: string[] }>(allowlist.tenants))
    allowance.network_whitelist.push(new URL(url).host, new URL(otlp).host);
  const path = join(registry.dataDir, "watched-allowlist.json");
  await writeFile(path, JSON.stringify(allowlist));
  const listening = { OGR_METRICS_PORT: "0", OGR_OTLP_URL: otlp };
  pushing = { OGR_METRICS_PUSH_URL: url, OGR_ALLOWLIST_FILE: path, OGR_METRICS_INSTANCE: "runner-1", OGR_OTLP_URL: otlp };
  const environments = { api: listening, lab256: listening, lab512: pushing };
  await Promise.all(
    PLANES.map(async (name) => {
      await registry[name].stop();
      await registry[name].start({ env: environments[name] });
    }),
  );
}

async function act(): Promise<void> {
  const admin = registry.as("admin");
  await actByCard(registry, buildRegistrationJob(PROJECT));
  clone = new Clone();
  const commit = clone.commit("secret.txt", "the bytes of a private repository\n");
  const job = buildPushJob(clone, PROJECT, "feature/x");
  planted.push({ what: "the patch", secret: job.patch ?? "" });
  acts.push = (await actByPermit(admin, job)).permit.jti;

  const passkeys = recordPasskeySecrets(registry.openPasskeys("bob"), planted);
  await registerCountedPasskey(registry, "bob", passkeys);
  planted.push(...(await readPasskeySecrets(registry.openPasskeys("bob").path)));
  const card = await openCard(admin, buildReleaseJob(PROJECT, "v1.0.0", commit));
  acts.release = card.card_id;
  requireValue(await submitDecision(registry.as("bob"), passkeys, { card_id: card.card_id, decision: "approve", office_id: OFFICE }));
  expect((await waitForCardEnd(admin, card.card_id, PATIENCE_MS)).status).toBe("success");
}

async function scrapeMetrics(plane: "api" | "lab256"): Promise<string> {
  return (await fetch(String(registry[plane].announcement["metrics_url"]))).text();
}

beforeAll(async () => {
  registry = await startTestRegistry({ name: "observability" });
  await startWatched();
  await act();
  // A card's flow is counted when it closes, after the receipt that ends the card.
  const counted = 'ogr_flows_total{level="L4",outcome="success"} ';
  await vi.waitFor(async () => expect(await scrapeMetrics("lab256")).toContain(counted), { timeout: PATIENCE_MS });
  for (const plane of ["api", "lab256"] as const) metrics[plane] = await scrapeMetrics(plane);
  if (hasProc) listened = await listListeningSockets(registry.lab512.pid);
  // The Runner pushes its metrics for the last time when it ends.
  await registry.lab512.stop();
  metrics["lab512"] = gateway.pushes.at(-1)?.body ?? "";
  planted.push(...(await collectFoundedSecrets(registry, inject("servers").s3?.secret_key)));
});

let areOpen = true;
async function closeSinks(): Promise<void> {
  areOpen = false;
  await Promise.all([gateway.close(), collector.close()]);
}

afterAll(async () => {
  await registry?.stop();
  if (areOpen) await closeSinks();
});

/** Reads the log lines of a process about an act. */
async function readLinesAbout(plane: string, id: string): Promise<Record<string, unknown>[]> {
  const log = (await readLogs(join(registry.dataDir, "logs"))).get(plane) ?? "";
  const lines = log.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line["correlation_id"] === id);
}

describe("the logs of a registry", () => {
  it("have one correlation id from the request to the receipt in all three processes", async () => {
    for (const id of [acts.push, acts.release])
      for (const plane of PLANES) {
        const lines = await readLinesAbout(plane, id);
        expect(lines.length, `${id} in ${plane}`).toBeGreaterThan(0);
        for (const line of lines) expect(line).toMatchObject({ name: plane, tenant_id: "T.UBL" });
      }
    expect(await readLinesAbout("api", acts.push)).toContainEqual(expect.objectContaining({ route: "/v1/commands/issue", status: 200 }));
    const ran = { activity: "runCommand", outcome: "success", jti: acts.push, attempt: 1 };
    expect(await readLinesAbout("lab512", acts.push)).toContainEqual(expect.objectContaining(ran));
    for (const id of [acts.push, acts.release])
      expect(await readLinesAbout("lab256", id)).toContainEqual(expect.objectContaining({ activity: "recordAnswer", outcome: "success" }));
  });

  it("contain no secret of the registry or its requests", async () => {
    const logs = new Map([
      ...(await readLogs(join(inject("servers").data_dir, "logs"))),
      ...(await readLogs(join(registry.dataDir, "logs"))),
    ]);
    expect([...logs.keys()]).toEqual(expect.arrayContaining([...PLANES, "temporal", "postgres"]));
    const kinds = ["the token of", "keys/receipt", "the database's password", "the patch", "the challenge", "the assertion's signature"];
    for (const kind of kinds) expect(planted.filter(({ what }) => what.includes(kind)).length, kind).toBeGreaterThan(0);
    for (const { what, secret } of planted) {
      expect(secret.length, what).toBeGreaterThan(15);
      for (const [name, log] of logs) expect(log.includes(secret), `${what} in the log of ${name}`).toBe(false);
      for (const [name, text] of Object.entries(metrics)) expect(text.includes(secret), `${what} in the metrics of ${name}`).toBe(false);
      expect(collector.text.includes(secret), `${what} in the traces`).toBe(false);
    }
  });
});

describe("the metrics of a registry", () => {
  const value = (plane: string, series: string) =>
    metrics[plane]
      ?.split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1);

  it("count each flow once with its level and latency", () => {
    for (const level of ["L1", "L3", "L4"]) {
      expect(value("lab256", `ogr_flows_total{level="${level}",outcome="success"}`), level).toBe("1");
      expect(value("lab256", `ogr_decision_to_receipt_seconds_count{level="${level}"}`), level).toBe("1");
    }
    expect(value("lab256", 'ogr_ledger_events_total{type="receipt.recorded"}')).toBe("3");
    expect(value("lab256", 'ogr_activity_seconds_count{activity="recordAnswer"}')).toBe("3");
  });

  it("are served only on the loopback interface, and not by the api's port", async () => {
    for (const plane of ["api", "lab256"] as const)
      expect(String(registry[plane].announcement["metrics_url"])).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect((await fetch(`${registry.url}/metrics`)).status).toBe(404);
  });

  it("contain the api's requests by route, the pollers, the waiting cards and the dependencies", () => {
    expect(value("api", 'ogr_http_requests_total{method="POST",route="/v1/commands/issue",status="200"}')).toBe("1");
    expect(value("api", 'ogr_ledger_events_total{type="permit.issued"}')).toBe("1");
    for (const queue of ["LAB_256", "LAB_512"])
      expect(Number(value("api", `ogr_task_queue_pollers{task_queue="${queue}"}`))).toBeGreaterThan(0);
    expect(value("api", 'ogr_cards_waiting{age="under_10m"}')).toBe("0");
    for (const dependency of ["database", "object_store", "temporal"])
      expect(value("api", `ogr_dependency_up{dependency="${dependency}"}`), dependency).toBe("1");
  });

  it("are pushed to the gateway by the Runner, which has no listener, up to its end", () => {
    expect(new Set(gateway.pushes.map(({ method, url }) => `${method} ${url}`))).toEqual(
      new Set(["PUT /metrics/job/ogr_lab512/instance/runner-1"]),
    );
    for (const job of ["init", "push", "tag_release"])
      expect(value("lab512", `ogr_runner_answers_total{job_type="git.registry.${job}",outcome="success"}`), job).toBe("1");
    expect(Number(value("lab512", 'ogr_cache_lookups_total{result="hit"}'))).toBeGreaterThan(0);
    expect(listened).toEqual([]);
  });

  it("contain the process metrics of every process", () => {
    for (const plane of PLANES) {
      expect(value(plane, "nodejs_eventloop_lag_p99_seconds"), plane).toBeDefined();
      expect(Number(value(plane, "process_resident_memory_bytes")), plane).toBeGreaterThan(0);
    }
  });
});

describe("the traces of a registry", () => {
  it("connect the request, the flow and the Runner's activity in one trace", async () => {
    const matchSpan = (service: string, name: string) => (span: ReceivedSpan) => span.service === service && span.name === name;
    const request = await collector.span(matchSpan("ogr-api", "POST /v1/commands/issue"));
    expect(request.parentSpanId ?? "").toBe("");
    const ran = await collector.span((span) => span.name === "RunActivity:runCommand" && span.traceId === request.traceId);
    expect(ran.service).toBe("ogr-lab512");
    const isInTrace = (span: ReceivedSpan) => span.traceId === request.traceId;
    const flow = await collector.span((span) => span.name === "RunWorkflow:officialAct" && isInTrace(span));
    const recorded = await collector.span((span) => span.name === "RunActivity:recordAnswer" && isInTrace(span));
    expect([flow.service, recorded.service]).toEqual(["ogr-lab256", "ogr-lab256"]);
    const services: string[] = [];
    for (let span: ReceivedSpan | undefined = ran; span !== undefined; ) {
      services.unshift(span.service);
      const { parentSpanId }: ReceivedSpan = span;
      // Each process sends its spans at its own time, so the parent may arrive last.
      span = parentSpanId ? await collector.span(({ spanId }) => spanId === parentSpanId) : undefined;
    }
    expect([...new Set(services)]).toEqual(["ogr-api", "ogr-lab256", "ogr-lab512"]);
  });
});

describe("flows that began without traces", () => {
  it("can be replayed by the traced workflows on every path", async () => {
    Runtime.install({ logger: new DefaultLogger("ERROR", () => undefined) });
    const traced = await loadWorkflowBundle("traced");
    expect("code" in traced && traced.code).toContain("OpenTelemetryInboundInterceptor");
    const sinks = { exporter: { export: { fn: () => undefined } } };
    const histories = listRecordedNames().map((name) => ({ workflowId: name, history: readHistory(name) }));
    const replays: string[] = [];
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: traced, sinks }, histories))
      replays.push(`${workflowId}: ${error?.message ?? "replayed"}`);
    expect(replays.sort()).toEqual(
      listRecordedNames()
        .map((name) => `${name}: replayed`)
        .sort(),
    );
  });
});

describe("a Runner that pushes its metrics", () => {
  it("runs acts without the gateway and the collector, and logs the failures", async () => {
    await closeSinks();
    await registry.lab512.start({ env: pushing });
    const { command } = await actByPermit(registry.as("admin"), buildPushJob(clone, PROJECT, "feature/y"));
    expect(command.status).toBe("success");
    await registry.lab512.stop();
    const log = (await readLogs(join(registry.dataDir, "logs"))).get("lab512");
    for (const said of ["failed to push metrics", "spans were not sent"]) expect(log).toContain(said);
  });

  it("refuses to start if the whitelist does not name the gateway", async () => {
    const start = registry.lab512.start({ env: { OGR_METRICS_PUSH_URL: "http://127.0.0.1:1" } });
    await expect(start).rejects.toThrow(/127\.0\.0\.1:1 is not on the network whitelist/);
  });
});
