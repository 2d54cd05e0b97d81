import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { CommandAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { RegistryClient } from "../../src/client/http/registry-client.js";
import { waitForCommandEnd } from "../../src/client/waiting.js";
import { parseSigningKey } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { ACT_MS, buildPush, issuePush, registerByCard, requireRefusal, toEnd } from "./acts.js";
import { requestPushPermit, signPermitLike, toPushEnvelope } from "./commands.js";
import { readOfficialState } from "./stored-state.js";

const PROJECT = "P.forged";

export function describeForgedPermits(running: () => ServedRegistry): void {
  describe("a command with a permit", () => {
    let registry: ServedRegistry;
    let bundle: Buffer;
    let branches = 0;
    /** Builds a push to a new branch that would succeed. */
    const buildGoodPush = () => {
      branches += 1;
      return buildPush(PROJECT, `feature/b${branches}`, null, bundle);
    };

    beforeAll(async () => {
      registry = running();
      const clone = new Clone();
      clone.commit("a.txt", "a\n");
      bundle = clone.bundle("main");
      await registerByCard(registry, PROJECT);
    });

    const createStrangerKey = () =>
      parseSigningKey(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    /** Ways to invalidate a valid command. */
    const invalidations: Record<string, { code: string; status: number; invalidate(good: CommandEnvelope): CommandEnvelope }> = {
      expired: {
        code: "permit_expired",
        status: 403,
        invalidate: (good) => rebindPermit(good, { iat: Date.now() - 2000, exp: Date.now() - 1000 }),
      },
      altered: {
        code: "permit_signature_invalid",
        status: 403,
        invalidate: (good) => ({ ...good, permit: { ...good.permit, exp: good.permit.exp + 1 } }),
      },
      "signed by another key": {
        code: "permit_key_unknown",
        status: 403,
        invalidate: (good) => ({ ...good, ...toPermitMembers(signPermitLike(registry, good.permit, {}, createStrangerKey())) }),
      },
      "for another tenant": {
        code: "permit_mismatch",
        status: 403,
        invalidate: (good) => ({
          ...good,
          ...toPermitMembers(signPermitLike(registry, good.permit, { scopes: { tenant_id: "T.OTHER" } })),
        }),
      },
      "for another job type": {
        code: "permit_mismatch",
        status: 403,
        invalidate: (good) => ({
          ...good,
          ...toPermitMembers(signPermitLike(registry, good.permit, { scopes: { jobType: "git.registry.init" } })),
        }),
      },
      "for another target": {
        code: "permit_mismatch",
        status: 403,
        invalidate: (good) => ({ ...good, ...toPermitMembers(signPermitLike(registry, good.permit, { scopes: { target: "LAB_256" } })) }),
      },
      "for another audience": {
        code: "wrong_target",
        status: 403,
        invalidate: (good) => ({ ...good, ...toPermitMembers(signPermitLike(registry, good.permit, { aud: "runner:LAB_256" })) }),
      },
      "for another policy": { code: "permit_mismatch", status: 403, invalidate: (good) => ({ ...good, policy_hash: "0".repeat(64) }) },
      "for another subject": {
        code: "subject_hash_mismatch",
        status: 403,
        invalidate: (good) => ({ ...good, params: { ...good.params, branch: "feature/elsewhere" } }) as CommandEnvelope,
      },
      "of another actor": {
        code: "forbidden",
        status: 403,
        invalidate: (good) => ({
          ...good,
          ...toPermitMembers(signPermitLike(registry, good.permit, { scopes: { actor_id: "ubl:sid:person:bob" } })),
        }),
      },
    };
    const toPermitMembers = (permit: CommandEnvelope["permit"]) => ({ jti: permit.jti, permit });
    const rebindPermit = (good: CommandEnvelope, changes: Parameters<typeof signPermitLike>[2]) => ({
      ...good,
      ...toPermitMembers(signPermitLike(registry, good.permit, changes)),
    });

    it.each(Object.keys(invalidations))("that is %s is refused with its code and writes nothing", async (name) => {
      const entry = invalidations[name];
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const good = toPushEnvelope(await requestPushPermit(admin, wanted), wanted);
      const before = await readOfficialState(registry);
      const answer = await admin.issueCommand(entry?.invalidate(good) ?? good);
      expect(requireRefusal(answer)).toMatchObject({ status: entry?.status, code: entry?.code });
      if (!answer.ok && name === "expired") expect(await readStatusMember(registry, entry?.invalidate(good) ?? good)).toBe("expired");
      expect(await readOfficialState(registry)).toEqual(before);
      expect(toEnd({ ...requireValue(await issuePush(admin, wanted)) })).toEqual({ status: "success", code: undefined });
    });

    it("of another tenant is refused without revealing whether the permit exists", async () => {
      const wanted = buildGoodPush();
      const good = toPushEnvelope(await requestPushPermit(registry.as("admin"), wanted), wanted);
      const olga = registry.as("olga", "T.OTHER");
      expect(requireRefusal(await olga.issueCommand(good))).toMatchObject({ status: 404, code: "not_found" });
      expect(requireRefusal(await olga.issueCommand({ ...good, tenant_id: "T.OTHER" }))).toMatchObject({
        status: 403,
        code: "permit_mismatch",
      });
    });

    const inside: Record<string, { code: string; changes: Parameters<typeof signPermitLike>[2]; members?: Partial<CommandEnvelope> }> = {
      "is for another target": {
        code: "wrong_target",
        changes: { aud: "runner:LAB_256", scopes: { target: "LAB_256" } },
        members: { target: "LAB_256" },
      },
      "is for a policy that is not published": {
        code: "policy_not_current",
        changes: { scopes: { policy_hash: "0".repeat(64) } },
        members: { policy_hash: "0".repeat(64) },
      },
      "has level L3 and names no card": { code: "approval_missing", changes: { scopes: { level: "L3" } } },
    };

    it.each(Object.keys(inside))("that is genuinely signed but %s is refused by the Runner with a signed refusal", async (name) => {
      const { code, changes, members = {} } = inside[name] ?? { code: "", changes: {} };
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const permit = signPermitLike(registry, await requestPushPermit(admin, wanted), changes);
      const before = await readOfficialState(registry);
      requireValue(await admin.issueCommand(toPushEnvelope(permit, wanted, members)));
      expect(await waitForRecordedEnd(admin, permit.jti)).toMatchObject({
        status: "denied",
        denial: { code },
        refusals: [expect.objectContaining({ code, jti: permit.jti, status: "denied" })],
      });
      expect(await readOfficialState(registry)).toEqual(before);
    });

    it("that names an unknown card is refused as closed", async () => {
      const admin = registry.as("admin");
      const wanted = buildGoodPush();
      const permit = signPermitLike(registry, await requestPushPermit(admin, wanted), {
        scopes: { approval_ref: "k-none", plan_digest: "0".repeat(64) },
      });
      const before = await readOfficialState(registry);
      expect(requireRefusal(await admin.issueCommand(toPushEnvelope(permit, wanted)))).toMatchObject({ status: 409, code: "closed" });
      expect(await readOfficialState(registry)).toEqual(before);
    });
  });
}

/** Waits for the end of a command whose permit is not in the ledger. It is unknown until its flow has recorded it. */
async function waitForRecordedEnd(client: RegistryClient, jti: string): Promise<CommandAnswer> {
  while (!(await client.readCommand(jti)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return waitForCommandEnd(client, jti, ACT_MS);
}

/** Returns the problem document's own `status`, which the client replaces by the HTTP status. */
async function readStatusMember(registry: ServedRegistry, envelope: CommandEnvelope): Promise<unknown> {
  const headers = { authorization: `Bearer ${registry.getActor("admin").token}`, "content-type": "application/json" };
  const answer = await fetch(`${registry.url}/v1/commands/issue`, { method: "POST", headers, body: JSON.stringify(envelope) });
  return ((await answer.json()) as { status: unknown }).status;
}
