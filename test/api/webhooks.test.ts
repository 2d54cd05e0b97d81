import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import type { WebhookRecord } from "../../src/domain/ledger/webhook.js";
import { openDatabase } from "../../src/lab256/database/database.js";
import { actByCard, buildRegistrationJob } from "../harness/acting.js";
import { declareWebhook } from "../harness/charter.js";
import { startTestRegistry, type TestRegistry } from "../harness/registry.js";
import { openTemporalClient } from "../harness/temporal-client.js";
import { waitUntilCardsAreClosed } from "../scenarios/stored-state.js";

interface Delivery {
  readonly id: string;
  readonly type: string;
  readonly seq: number;
  readonly verified: boolean;
}

/** A receiver that takes events unless it is told not to. */
class Receiver {
  readonly deliveries: Delivery[] = [];
  secret = "";
  refuses = false;
  #server: Server | undefined;

  async open(): Promise<string> {
    this.#server = createServer(async (request, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString("utf8");
      const { id, type, ledgerseq } = JSON.parse(text) as { id: string; type: string; ledgerseq: number };
      this.deliveries.push({ id, type, seq: ledgerseq, verified: this.#verifies(text, request.headers as Record<string, string>) });
      answer.writeHead(this.refuses ? 503 : 204).end();
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #verifies(text: string, headers: Record<string, string>): boolean {
    try {
      new Webhook(this.secret).verify(text, headers);
      return true;
    } catch {
      return false;
    }
  }
}

let registry: TestRegistry;
const receiver = new Receiver();
let url: string;

beforeAll(async () => {
  registry = await startTestRegistry({ name: "webhooks" });
  url = await receiver.open();
});
afterAll(async () => {
  await registry?.stop();
  await receiver.close();
});

async function call(name: string, method: string, path: string, body?: object, tenant?: string) {
  const response = await fetch(new URL(path, registry.url), {
    method,
    headers: { authorization: `Bearer ${registry.getActor(name, tenant).token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & unknown[] };
}

const declare = (more: Partial<WebhookRecord> = {}) => declareWebhook(registry, "T.UBL", "wh-audit", { url, ...more });
const renewSecret = (name = "admin", id = "wh-audit") => call(name, "POST", `/v1/webhooks/${id}/secret`, { tenant_id: "T.UBL" });

const waitUntilPasses = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 250 });

/** A registration with all that it leaves in the ledger: what came later would reach another test. */
async function actOnProject(project: string): Promise<void> {
  await actByCard(registry, buildRegistrationJob(project));
  await waitUntilCardsAreClosed(registry);
}

const countEntries = async () => requireValue(await registry.as("admin").readTenant()).ledger.entries;

/** The webhook has nothing left to bring. */
const waitUntilSettled = () =>
  waitUntilPasses(async () => {
    const entries = await countEntries();
    const { body } = await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL");
    expect(body).toMatchObject([{ delivered_seq: entries }]);
  });

describe("a webhook", () => {
  it("delivers every event of the ledger in order and signed, from its declaration on", async () => {
    await declare();
    const listed = await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL");
    expect(listed.body).toMatchObject([{ webhook_id: "wh-audit", url, types: null, disabled_at: null }]);
    receiver.secret = String((await renewSecret()).body.secret);
    const events = await registry.as("admin").listLedgerEntries().read();
    const { actor_id } = registry.getActor("admin");
    expect(events.at(-1)).toMatchObject({ type: "webhook.secret_renewed", payload: { webhook_id: "wh-audit", actor_id } });
    expect(JSON.stringify(events)).not.toContain(receiver.secret);
    const first = await countEntries();
    await waitUntilSettled();
    receiver.deliveries.splice(0);
    await actOnProject("P.hooked");
    await waitUntilSettled();
    expect(receiver.deliveries.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["vnd.ubl.card.opened.v1", "vnd.ubl.receipt.recorded.v1", "vnd.ubl.project.registered.v1"]),
    );
    const seqs = receiver.deliveries.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, n) => first + 1 + n));
    expect(receiver.deliveries.every(({ verified }) => verified)).toBe(true);
  });

  it("shows its secret once", async () => {
    expect(JSON.stringify((await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL")).body)).not.toContain(receiver.secret);
  });

  it("retries, keeps undelivered events as dead letters, and delivers them on request", async () => {
    receiver.refuses = true;
    const before = receiver.deliveries.length;
    await actOnProject("P.refused");
    const listDeadLetters = async () =>
      (await call("admin", "GET", "/v1/webhooks/wh-audit/dead-letters?tenant_id=T.UBL")).body as { seq: number }[];
    await waitUntilSettled();
    expect((await listDeadLetters()).length).toBeGreaterThan(5);
    const tries = receiver.deliveries.slice(before);
    for (const { seq } of await listDeadLetters()) expect(tries.filter((one) => one.seq === seq)).toHaveLength(3);

    receiver.refuses = false;
    const wanted = (await listDeadLetters()).map(({ seq }) => seq);
    const replayed = await call("admin", "POST", "/v1/webhooks/wh-audit/replay", { tenant_id: "T.UBL" });
    expect(replayed).toMatchObject({ status: 200, body: { replayed: wanted.length } });
    await waitUntilPasses(async () => expect(await listDeadLetters()).toEqual([]));
    expect(receiver.deliveries.slice(-wanted.length).map(({ seq }) => seq)).toEqual(wanted);
  });

  it("gets a new secret on request", async () => {
    const before = receiver.secret;
    receiver.secret = String((await renewSecret()).body.secret);
    expect(receiver.secret).not.toBe(before);
    const sent = receiver.deliveries.length;
    await actOnProject("P.rotated");
    await waitUntilSettled();
    expect(receiver.deliveries.slice(sent).every(({ verified }) => verified)).toBe(true);
  });

  it("delivers at once when the charter changes it, even during a pause between retries", async () => {
    receiver.refuses = true;
    const before = receiver.deliveries.length;
    await declare({ retries_ms: [3_600_000] });
    await actOnProject("P.patient");
    await waitUntilPasses(async () => expect(receiver.deliveries.length).toBeGreaterThan(before));
    receiver.refuses = false;
    await declare();
    await waitUntilSettled();
  });

  it("gets a new flow if its flow was lost", async () => {
    const temporal = await openTemporalClient(registry.temporal);
    try {
      const flow = temporal.client.workflow.getHandle("webhook/T.UBL/wh-audit");
      await flow.terminate("lost");
      await actOnProject("P.orphaned");
      await temporal.client.workflow.execute("housekeeping", { taskQueue: "LAB_256", workflowId: "housekeeping-now", args: [] });
      await waitUntilSettled();
    } finally {
      await temporal.close();
    }
  });

  it("delivers nothing while it is disabled, and continues where it was when it is enabled with other types", async () => {
    await declare({ disabled: true });
    await waitUntilPasses(async () => {
      const { body } = await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL");
      expect(body).toMatchObject([{ disabled_at: expect.any(Number) }]);
    });
    const before = receiver.deliveries.length;
    await actOnProject("P.quiet");
    expect(receiver.deliveries).toHaveLength(before);
    await declare({ types: ["project.registered"] });
    await waitUntilPasses(async () => expect(receiver.deliveries).toHaveLength(before + 1));
    expect(receiver.deliveries.at(-1)).toMatchObject({ type: "vnd.ubl.project.registered.v1", verified: true });
  });

  // Mallory writes to the database and has all events sent to himself.
  it("sends nothing elsewhere if somebody changes its row in the database", async () => {
    await declare();
    await waitUntilSettled();
    const thief = new Receiver();
    const db = openDatabase(registry.databaseUrl, { maxConnections: 1 });
    const before = receiver.deliveries.length;
    try {
      await db
        .updateTable("webhooks")
        .set({ url: await thief.open() })
        .where("webhook_id", "=", "wh-audit")
        .execute();
      await actOnProject("P.stolen");
      await waitUntilSettled();
      expect(receiver.deliveries.length).toBeGreaterThan(before);
      expect(thief.deliveries).toEqual([]);
      await db.updateTable("webhooks").set({ url }).execute();
    } finally {
      await db.destroy();
      await thief.close();
    }
  });

  it("survives the death of its worker", async () => {
    await declare();
    await registry.lab256.kill();
    await registry.lab256.start();
    const before = receiver.deliveries.length;
    await actOnProject("P.revived");
    await waitUntilPasses(async () =>
      expect(receiver.deliveries.slice(before).map(({ type }) => type)).toContain("vnd.ubl.card.closed.v1"),
    );
  });

  it("shows its secret to the office that changes webhooks, and not to others or to another tenant", async () => {
    expect(await renewSecret("bob")).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await call("olga", "GET", "/v1/webhooks?tenant_id=T.UBL", undefined, "T.OTHER")).status).toBe(404);
    expect((await renewSecret("admin", "wh-none")).status).toBe(404);
  });

  // A stolen token of the person who manages webhooks.
  it("cannot be added or changed with a token alone", async () => {
    const before = await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL");
    const stolen = { url: "https://thief.example/", types: null, retries_ms: [], disabled: false };
    expect((await call("admin", "PUT", "/v1/webhooks/wh-audit", { tenant_id: "T.UBL", ...stolen })).status).toBe(404);
    const job = { jobType: "registry.webhooks.change", params: { project_id: "_", webhooks: { "wh-thief": stolen } } } as const;
    const card = requireValue(
      await registry.as("admin").openCard({ ...job, office_id: "office:registry", intent: "Watch", target: "LAB_512" }),
    );
    expect(card).toMatchObject({ level: "L4", status: "awaiting_approval" });
    expect((await call("admin", "GET", "/v1/webhooks?tenant_id=T.UBL")).body).toEqual(before.body);
  });

  it.each([
    ["url", { url: "ftp://events.example" }],
    ["url", { url: "https://me:secret@events.example" }],
    ["url", { url: "https://events.example/\n  events none" }],
    ["url", { url: "https://thief.example\\.events.example/" }],
    ["types", { types: [] }],
    ["retries_ms", { retries_ms: [1] }],
  ])("names what is wrong with its %s", async (field, more) => {
    const webhooks = { "wh-bad": { url, types: null, retries_ms: [], disabled: false, ...more } };
    const answer = await registry.as("admin").openCard({
      jobType: "registry.webhooks.change",
      params: { project_id: "_", webhooks },
      office_id: "office:registry",
      intent: "Watch",
      target: "LAB_512",
    });
    expect(answer).toMatchObject({ ok: false, status: 400 });
    expect(JSON.stringify(answer)).toContain(`params.webhooks.wh-bad.${field}`);
  });
});
