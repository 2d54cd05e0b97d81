import { WorkflowUpdateFailedError } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import type { SignedStatement } from "../../src/domain/card/statement.js";
import { attestStatement, createNonce } from "../../src/lab256/identity/passkeys/statements.js";
import type { FlowState, MessageVerdict } from "../../src/workflows/messages.js";
import { buildRegistrationJob, OFFICE, openCard, PATIENCE_MS, stateDecision } from "../harness/acting.js";
import { buildPolicyWith } from "../harness/policies.js";
import { type ServedRegistry, startRegistryInProcess } from "../harness/registry.js";
import { openTemporalClient, type TemporalTestClient } from "../harness/temporal-client.js";
import { expectSoundLedger } from "./evidence.js";

// Mallory sends malformed messages to a card's flow to break it, or the same approval many times at once so that it counts twice.

/** Below Temporal's limit of 2 MiB for a payload. */
const HUGE = "a".repeat(1_900_000);

const payloads: readonly [string, readonly unknown[]][] = [
  ["no arguments", []],
  ["null", [null]],
  ["a string", ["approve"]],
  ["a number", [42]],
  ["a list", [[]]],
  ["an empty object", [{}]],
  ["a statement of null", [{ statement: null }]],
  ["a statement of a string", [{ statement: "approve", attestor: {} }]],
  ["a plan digest alone", [{ statement: { plan_digest: "x" } }]],
  ["a huge plan digest", [{ statement: { plan_digest: HUGE } }]],
  ["many arguments", [{}, {}, {}]],
];

/** Members that a genuine statement does not have. `JSON.parse` makes `__proto__` a member like any other. */
const extraMembers: readonly [string, object][] = [
  ["filler", { filler: HUGE }],
  ["__proto__", JSON.parse('{"__proto__":{"counts":true}}')],
];

/** An update may have any number of arguments, but the client's types require one. */
type Args = [unknown, ...unknown[]];

let registry: ServedRegistry;
let temporal: TemporalTestClient;

beforeAll(async () => {
  const policy = await buildPolicyWith((data) => {
    const office = data.offices[OFFICE];
    if (office === undefined) throw new Error(`The default policy has no ${OFFICE}.`);
    return { ...data, offices: { ...data.offices, [OFFICE]: { ...office, approval_policy: { min_approvals: 2 } } } };
  });
  registry = await startRegistryInProcess({ name: "malformed-messages", policy });
  temporal = await openTemporalClient(registry.temporal);
});

afterAll(async () => {
  await temporal?.close();
  await registry?.stop();
});

/** Sends an update. Tells whether the flow accepted it. */
async function isAccepted(workflowId: string, name: string, args: readonly unknown[]): Promise<boolean> {
  const handle = temporal.client.workflow.getHandle(workflowId);
  try {
    return (await handle.executeUpdate<MessageVerdict, Args>(name, { args: args as Args })).accepted;
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    return false;
  }
}

describe("a card's flow that gets malformed messages", () => {
  it("refuses them, keeps running and can be approved afterwards", async () => {
    const card = await openCard(registry.as("admin"), buildRegistrationJob("P.garbage"));
    const handle = temporal.client.workflow.getHandle(card.workflow_id);
    for (const [what, args] of payloads) {
      for (const name of ["decide", "issue", "finish", "unknown"])
        expect(await isAccepted(card.workflow_id, name, args), `${name} ${what}`).toBe(false);
      for (const name of ["statement", "permit_ended", "unknown"]) await handle.signal(name, ...args);
    }
    expect((await handle.query<FlowState>("state")).status).toBe("awaiting_approval");
    expect((await handle.describe()).status.name).toBe("RUNNING");
    await stateDecision(registry, "bob", "approve", card);
    await stateDecision(registry, "carol", "approve", card);
    expect((await waitForCardEnd(registry.as("admin"), card.card_id, PATIENCE_MS)).status).toBe("success");
    await expectSoundLedger(registry);
  });
});

describe("a genuine approval", () => {
  it.each(extraMembers)("with a member `%s`, attested by the registry's key, is refused for that member", async (member, extra) => {
    const card = await openCard(registry.as("admin"), buildRegistrationJob(`P.extra-${member.replaceAll("_", "")}`));
    const { statement } = requireValue(await registry.as("bob").prepareStatement(card.card_id, "approve", OFFICE));
    const attestor = readSigningKey(registry.founded.keys.statement);
    const handle = temporal.client.workflow.getHandle(card.workflow_id);
    const decide = (signed: SignedStatement) => handle.executeUpdate<MessageVerdict, Args>("decide", { args: [signed] });
    const genuine = attestStatement(statement, attestor);
    for (const [field, spoilt] of [
      [`statement.${member}`, attestStatement(Object.assign(copyOf(extra), statement), attestor)],
      [member, Object.assign(copyOf(extra), genuine)],
    ] as const)
      expect(await decide(spoilt)).toMatchObject({
        accepted: false,
        denial: { code: "statement_invalid", message: `The statement is malformed: ${field}: This member is not known; remove it.` },
      });
    expect((await handle.query<FlowState>("state")).approvals).toEqual([]);
    expect(await decide(genuine)).toMatchObject({ accepted: true, denial: null });
    expect((await handle.query<FlowState>("state")).approvals).toHaveLength(1);
  });
});

/** Copies an object including a member called `__proto__`. */
function copyOf<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

describe("twelve concurrent approvals by one person", () => {
  it("count once, through the api and directly through Temporal", async () => {
    const card = await openCard(registry.as("admin"), buildRegistrationJob("P.twelve"));
    const bob = registry.as("bob");
    const { statement } = requireValue(await bob.prepareStatement(card.card_id, "approve", OFFICE));
    const statements = Array.from({ length: 12 }, () => ({ ...statement, nonce: createNonce() }));
    const attestor = readSigningKey(registry.founded.keys.statement);
    const handle = temporal.client.workflow.getHandle(card.workflow_id);
    // A flow accepts at most ten concurrent updates and refuses the others, none of which may count either.
    const [byApi, byTemporal] = await Promise.all([
      Promise.allSettled(statements.slice(0, 6).map(async (one) => bob.submitStatement(one))),
      Promise.allSettled(
        statements.slice(6).map((one) => handle.executeUpdate<MessageVerdict, Args>("decide", { args: [attestStatement(one, attestor)] })),
      ),
    ]);
    await Promise.all(statements.map((one) => handle.signal("statement", attestStatement(one, attestor))));
    expect([...byApi, ...byTemporal].some((one) => one.status === "fulfilled")).toBe(true);
    const { status, approvals, missing } = await handle.query<FlowState>("state");
    expect(status).toBe("awaiting_approval");
    expect(approvals.map((one) => one.person_id)).toEqual(["person:bob"]);
    expect(missing).not.toEqual([]);
    await stateDecision(registry, "carol", "approve", card);
    expect((await waitForCardEnd(registry.as("admin"), card.card_id, PATIENCE_MS)).status).toBe("success");
  });
});
