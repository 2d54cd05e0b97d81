import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { CardAnswer } from "../../src/client/answers.js";
import { requireValue } from "../../src/client/http/problem.js";
import type { CardAsk } from "../../src/client/http/registry-client.js";
import { waitForCardEnd, waitForCardToLeave, waitForCommandEnd } from "../../src/client/waiting.js";
import { readJwks } from "../../src/configuration/keys.js";
import { toCanonicalBytes } from "../../src/domain/bytes/canonical.js";
import { verifySignedObject } from "../../src/domain/bytes/signature.js";
import type { CommandEnvelope } from "../../src/domain/permit/envelope.js";
import { refusalSchema } from "../../src/domain/permit/receipt.js";
import { toClaimKey, toPermitEndKey, toReceiptKey } from "../../src/domain/storage-key.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { DYING_RUNNER } from "../faults/dying.js";
import { buildReleaseJob, type Job, prepareCommand } from "../harness/acting.js";
import type { ServedRegistry } from "../harness/registry.js";
import { Clone } from "../repository/real-git.js";
import { ACT_MS, approveAsEach, buildPush, ensurePasskeys, openScenarioCard, registerByCard, stateCardDecision } from "./acts.js";
import { findRef, readOfficialState } from "./stored-state.js";

const PROJECT = "P.moved-main";
const MAIN = "refs/heads/main";
const QUORUM = ["bob", "carol"];

export function describeMovedMain(running: () => ServedRegistry): void {
  describe("a move of main after an act's permit", () => {
    let registry: ServedRegistry;
    let main: string;
    let histories = 0;

    /** Builds a forced push of an unrelated history to main. */
    const buildForcedPush = (): { job: Job; commit: string } => {
      histories += 1;
      const clone = new Clone();
      const commit = clone.commit("a.txt", `history ${histories}\n`);
      const { params, patch } = buildPush(PROJECT, "main", main, clone.bundle("HEAD"), { force: true });
      return { job: { jobType: "git.registry.push", params, ...(patch === undefined ? {} : { patch }) }, commit };
    };
    const open = ({ patch, params, jobType }: Job, more: Partial<CardAsk> = {}) =>
      openScenarioCard(registry.as("admin"), { jobType, params: patch === undefined ? params : { ...params, patch }, ...more });

    async function moveMain(): Promise<void> {
      const { job, commit } = buildForcedPush();
      const card = await open(job);
      expect(card.level).toBe("L5");
      expect(await approveAsEach(registry, card, QUORUM)).toMatchObject({ status: "success" });
      main = commit;
    }

    /** Opens and approves a card. Returns it with its command, which is not issued. */
    async function approveCommand(job: Job, approvers: readonly string[]): Promise<{ card: CardAnswer; command: CommandEnvelope }> {
      const card = await open(job, { run: "on_command" });
      for (const name of approvers) requireValue(await stateCardDecision(registry, name, card));
      await waitForCardToLeave(registry.as("admin"), card.card_id, ["awaiting_approval"], ACT_MS);
      return { card, command: await prepareCommand(registry.as("admin"), job, { approval_ref: card.card_id }) };
    }

    beforeAll(async () => {
      registry = running();
      await registerByCard(registry, PROJECT);
      await ensurePasskeys(registry, ...QUORUM);
      main = "0".repeat(40);
      await moveMain();
    });

    it.each<[string, string, readonly string[], () => Job]>([
      ["forced push from main's old id", "ref_moved", QUORUM, () => buildForcedPush().job],
      ["release of the commit that only main had", "commit_unreachable", ["bob"], () => buildReleaseJob(PROJECT, "v1.0.0", main)],
    ])("makes the Runner refuse a %s with %s and write nothing", async (_, code, approvers, job) => {
      const admin = registry.as("admin");
      const { card, command } = await approveCommand(job(), approvers);
      await moveMain();
      const before = await readOfficialState(registry);
      requireValue(await admin.issueCommand(command));
      expect(await waitForCardEnd(admin, card.card_id, ACT_MS)).toMatchObject({ status: "denied", denial: { code }, jti: command.jti });
      const { refusals, receipt } = requireValue(await admin.readCommand(command.jti));
      expect(receipt ?? null).toBeNull();
      const [refusal] = refusalSchema.array().length(1).parse(refusals);
      expect(refusal).toMatchObject({ status: "denied", code, jti: command.jti, jobId: command.jobId });
      expect(refusal && verifySignedObject("refusal", refusal, readJwks(registry.founded.keys.receiptJwks))).toBe("valid");
      expect(await readOfficialState(registry)).toEqual(before);
      expect(await findRef(registry, PROJECT, MAIN)).toBe(main);
      const end = await registry.store.blobs.get(toPermitEndKey(DEMO_TENANT, command.jti));
      expect(JSON.parse(Buffer.from(end ?? []).toString("utf8"))).toMatchObject({ end: "refused" });
    });

    it("while the Runner holds the claim ends the push with an error receipt and no other write", async () => {
      const admin = registry.as("admin");
      const { command } = await approveCommand(buildForcedPush().job, QUORUM);
      const resumeFile = join(registry.dataDir, "main-has-moved");
      await registry.lab512.stop();
      // This Runner holds only this act and serves all others, so it can keep running.
      await registry.lab512.start({ entry: DYING_RUNNER, env: { TEST_HOLD_ACT: command.jti, TEST_HOLD_UNTIL: resumeFile } });
      requireValue(await admin.issueCommand(command));
      await waitUntilClaimed(command.jti);
      await moveMain();
      const before = await readOfficialState(registry);
      await writeFile(resumeFile, "");
      const { receipt } = await waitForCommandEnd(admin, command.jti, ACT_MS);
      expect(receipt).toMatchObject({ status: "error", code: "ref_moved", refs: [], artifacts: [] });
      expect(receipt && verifySignedObject("receipt", receipt, readJwks(registry.founded.keys.receiptJwks))).toBe("valid");
      const key = toReceiptKey(DEMO_TENANT, command.jti);
      expect(await registry.store.blobs.get(key)).toEqual(toCanonicalBytes(receipt));
      expect(await readOfficialState(registry)).toEqual({ ...before, [key]: "" });
      expect(await findRef(registry, PROJECT, MAIN)).toBe(main);
    });

    async function waitUntilClaimed(jti: string): Promise<void> {
      while ((await registry.store.blobs.stat(toClaimKey(DEMO_TENANT, jti))) === undefined)
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}
