import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { CardAnswer } from "../../src/client/answers.js";
import { type Answer, requireValue } from "../../src/client/http/problem.js";
import { verifyReceiptPact } from "../../src/client/offline/pact.js";
import { verifyReceipt } from "../../src/client/offline/receipt.js";
import { readJwks } from "../../src/configuration/keys.js";
import { expectSoundLedger } from "../attacks/evidence.js";
import { runOgrHere } from "../cli/ogr-here.js";
import { toPersonEnvironment } from "../cli/run-ogr.js";
import { declareWebhook } from "../harness/charter.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { createInfraProject, INFRA_PROJECT, type InfraProject } from "../infra-engine/infra-project.js";
import { type Entry, formatRegistryJson } from "../infra-engine/registries.js";
import { approveAsEach, ensurePasskeys, OFFICE, openTagCard, registerByCard, requireRefusal, stateCardDecision } from "./acts.js";
import { MERGE, MergeProject } from "./merge-project.js";
import { listEvents } from "./stored-state.js";

const PROJECT = "P.off";
const REASON = "Payments are down and nobody else is awake.";
const LOUD = `BREAK-GLASS: ${REASON}`;

interface Delivery {
  readonly type: string;
  readonly breakglass?: boolean;
  readonly data: object;
}

let registry: ServedRegistry;
let keeper: InfraProject;
let project: MergeProject;
let receiver: Server;
const deliveries: Delivery[] = [];

const publish = (entry: Entry) =>
  keeper.publish(formatRegistryJson({ [`T.UBL/${INFRA_PROJECT}`]: "enabled production", [`T.UBL/${PROJECT}`]: entry }));
const ogr = (who: string, ...words: string[]) => runOgrHere(words, toPersonEnvironment(registry, who));
const cardSchema = z.looseObject({ card_id: z.string(), status: z.string(), level: z.string().nullable(), break_glass: z.unknown() });

beforeAll(async () => {
  registry = await startRegistryInProcess({ name: "break-glass", infra: `registry:T.UBL/${INFRA_PROJECT}` });
  keeper = createInfraProject(registry);
  await ensurePasskeys(registry, "admin", "bob", "carol");
  await registerByCard(registry, INFRA_PROJECT);
  await publish("enabled production");
  // Admin proposes, pushes and writes everything in it.
  project = await MergeProject.create(registry, PROJECT);
  receiver = createServer(async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    deliveries.push(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Delivery);
    answer.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  await declareWebhook(registry, "T.UBL", "wh-loud", { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` });
  await publish("disabled production");
});
afterAll(async () => {
  await registry?.stop();
  await new Promise((resolve) => receiver?.close(resolve));
});

describe("an emergency in a disabled project", () => {
  let card: CardAnswer;
  let jti: string;

  it("is denied as an ordinary act", async () => {
    expect(await project.openMergeCard("feature/x", "main")).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
  });

  it("shows in a dry run what it would be, and opens nothing", async () => {
    const words = ["merge", PROJECT, "feature/x", "--into", "main", "--break-glass", REASON, "--dry-run"];
    const shown = await ogr("admin", ...words);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining(LOUD)]);
    expect(shown.stdout).toContain("  level     L5\n");
    const data = (await ogr("admin", ...words, "--json")).json(z.looseObject({}));
    expect(data).toMatchObject({ break_glass: { reason: REASON }, level: "L5", denial: null });
    expect((await listEvents(registry, "card.opened")).filter(({ card: one }) => one.break_glass !== undefined)).toEqual([]);
  });

  it("is proposed by its author, and its card says so wherever it is shown", async () => {
    const opened = await ogr("admin", "merge", PROJECT, "feature/x", "--into", "main", "--break-glass", REASON, "--json");
    const { card_id } = opened.json(cardSchema);
    card = requireValue(await registry.as("bob").readCard(card_id));
    expect(card).toMatchObject({ status: "awaiting_approval", level: "L5", break_glass: { reason: REASON } });
    expect(card.missing.map(({ text }) => text)).toEqual(["2 more approvals with step-up"]);
    expect(card.reasons.map(({ rule }) => rule)).toContain("break_glass");
    expect((await ogr("bob", "card", "show", card_id)).stdout).toContain(LOUD);
    expect((await ogr("bob", "card", "list")).stdout).toMatch(new RegExp(`${card_id} .* L5 BREAK-GLASS `));
    const listed = await registry.as("bob").listCards().read();
    expect(listed.map((one) => [one.card_id, one.break_glass ?? null])).toContainEqual([card_id, { reason: REASON }]);
    expect(listed.filter((one) => one.break_glass != null)).toHaveLength(1);
  });

  it("is not approved by an app, nor without a passkey", async () => {
    expect(requireRefusal(await registry.as("ci").prepareStatement(card.card_id, "approve", OFFICE))).toMatchObject({
      code: "step_up_required",
    });
    const { statement } = requireValue(await registry.as("bob").prepareStatement(card.card_id, "approve", OFFICE));
    expect(requireRefusal(await registry.as("bob").submitStatement(statement))).toMatchObject({ code: "step_up_required" });
  });

  it("waits for a second person after its author's own approval, however often the author approves", async () => {
    for (const _ of [1, 2]) requireValue(await stateCardDecision(registry, "admin", card));
    const waiting = requireValue(await registry.as("admin").readCard(card.card_id));
    expect(waiting).toMatchObject({ status: "awaiting_approval", missing: [{ text: "1 more approval with step-up" }] });
  });

  it("happens once a second person approves it, and its receipt, Pact and feed say so", async () => {
    const done = await approveAsEach(registry, card, ["bob"]);
    expect(done, JSON.stringify(done.denial)).toMatchObject({ status: "success", break_glass: { reason: REASON } });
    jti = done.jti ?? "";
    const receipt = requireValue(await registry.as("admin").readReceipt(jti));
    expect(receipt).toMatchObject({ status: "success", break_glass: { reason: REASON } });
    const keys = readJwks(registry.founded.keys.receiptJwks);
    expect(verifyReceipt(receipt, keys)).toMatchObject({ valid: true });
    const { break_glass: _, ...hidden } = receipt;
    expect(verifyReceipt(hidden, keys)).toMatchObject({ valid: false });
    const pact = requireValue(await registry.as("admin").readPact(jti));
    const known = requireValue(await registry.as("admin").readPublicKeys());
    expect(verifyReceiptPact(receipt, pact, known)).toMatchObject({ valid: true });
    expect(verifyReceiptPact(hidden, pact, known)).toMatchObject({ valid: false, why: expect.stringContaining("same emergency") });
    const { activity } = requireValue(await registry.as("admin").readProject(PROJECT));
    expect(activity[0]).toMatchObject({ action: "merge", ref: "refs/heads/main", break_glass: { reason: REASON } });
    expect(activity.slice(1).map(({ break_glass }) => break_glass ?? null)).toEqual(activity.slice(1).map(() => null));
    for (const words of [
      ["receipt", "show", jti],
      ["project", "show", PROJECT],
      ["card", "watch", card.card_id],
    ])
      expect((await ogr("bob", ...words)).stdout, words.join(" ")).toContain(words[0] === "card" ? "BREAK-GLASS; success" : LOUD);
  });

  it("is marked in the webhooks' events of its card, its receipt and its activity, and no other event is", async () => {
    const marked = () => deliveries.filter(({ breakglass }) => breakglass === true).map(({ type }) => type);
    const wanted = ["card.opened", "receipt.recorded", "project.activity"].map((type) => `vnd.ubl.${type}.v1`);
    await vi.waitFor(() => expect(marked()).toEqual(wanted), { timeout: 30_000, interval: 200 });
    for (const { data } of deliveries.filter(({ breakglass }) => breakglass === true)) expect(JSON.stringify(data)).toContain(REASON);
    expect(deliveries.length).toBeGreaterThan(wanted.length);
  });

  it("leaves the project disabled for every other act, and a sound ledger", async () => {
    expect(await project.openMergeCard("feature/y", "main")).toMatchObject({ status: "denied", denial: { code: "policy_denied" } });
    await expectSoundLedger(registry);
  });
});

/** Lists the bad fields of a request that was refused by its shape. */
function listBadFields(answer: Answer<unknown>): string[] {
  if (answer.ok || answer.problem.code !== "invalid_request") throw new Error(`not refused by shape: ${JSON.stringify(answer)}`);
  return (answer.problem.errors ?? []).map(({ field, problem }) => `${field}: ${problem}`);
}

describe("break-glass is refused", () => {
  const open = (more: object) =>
    registry.as("admin").openCard({ office_id: OFFICE, intent: "Mine", target: "LAB_512", jobType: MERGE, params: {}, ...more });

  it.each([
    ["without a reason", { break_glass: {} }, /^break_glass\.reason: /],
    ["with an empty reason", { break_glass: { reason: "" } }, /^break_glass\.reason: The reason is not empty\.$/],
    ["with too long a reason", { break_glass: { reason: "x".repeat(501) } }, /^break_glass\.reason: The reason has at most 500/],
    ["with another member", { break_glass: { reason: REASON, level: "L1" } }, /^break_glass\.level: This member is not known/],
    ["as a flag", { break_glass: true }, /^break_glass: /],
  ])("%s, by name", async (_, more, named) => {
    const params = await project.buildParams("feature/y", "main");
    expect(listBadFields(await open({ params, ...more }))).toEqual([expect.stringMatching(named)]);
  });

  it("for a change of the charter", async () => {
    const params = { project_id: "_", add: [], revoke: ["0123456789abcdef"] };
    const answer = await open({ jobType: "registry.keys.rotate", params, break_glass: { reason: REASON } });
    expect(listBadFields(answer)).toEqual([expect.stringMatching(/^break_glass: Only a card for a/)]);
  });

  it("in a permit request, because only a card declares an emergency", async () => {
    const wanted = {
      office_id: OFFICE,
      intent: "Mine",
      target: "LAB_512",
      jobType: MERGE,
      params: await project.buildParams("feature/y", "main"),
    };
    const claimed = { ...wanted, break_glass: { reason: REASON } };
    expect(listBadFields(await registry.as("admin").requestPermit(claimed))).toEqual(["break_glass: This member is not known; remove it."]);
  });

  it("for a project that the infra registry does not know", async () => {
    const card = await openTagCard(
      registry.as("admin"),
      { project_id: "P.unknown", tag: "v1.0.0", commit: "1".repeat(40) },
      { break_glass: { reason: REASON } },
    );
    expect(card).toMatchObject({ status: "denied" });
  });

  it("by `ogr` before it asks the registry", async () => {
    const empty = await ogr("admin", "merge", PROJECT, "feature/y", "--into", "main", "--break-glass", "");
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("The reason is not empty.")]);
    const direct = await ogr("admin", "push", PROJECT, "--from", project.clone.folder, "--break-glass", REASON);
    expect([direct.code, direct.stderr]).toEqual([2, expect.stringContaining("add --card")]);
    const charter = await ogr("admin", "charter", "propose", "-", "--break-glass", REASON);
    expect([charter.code, charter.stderr]).toEqual([2, expect.stringContaining("unknown option")]);
  });
});
