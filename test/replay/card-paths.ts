import { setTimeout as delay } from "node:timers/promises";
import { registerPasskey } from "../../src/client/deciding.js";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardToLeave } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import { enveloped, PREDICATE_TYPE, statementOn } from "../domain/attestations.js";
import { newKey } from "../domain/samples.js";
import { actByPermit, openCard, PATIENCE_MS, permitted, push, registration, release, state } from "../harness/acting.js";
import { type Desk, ended, project, republish, TWO_EYES_TWICE } from "./desk.js";
import type { Path } from "./path.js";

/** A card that two persons have to approve. */
async function cardOfTwo(desk: Desk, project_id: string) {
  const { clone } = await project(desk, project_id);
  return openCard(desk.as("admin"), push(clone, project_id, "feature/two"), { office_id: TWO_EYES_TWICE });
}

export const cardPaths: readonly Path[] = [
  {
    name: "card-approved",
    status: "success",
    passes: ["openCard", "planAct", "decidePlan", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(desk) {
      const card = await openCard(desk.as("admin"), registration("P.approved"));
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
  {
    name: "card-approved-with-step-up",
    status: "success",
    passes: ["admitStatement", "issuePermit", "runCommand"],
    async drive(desk) {
      const { base } = await project(desk, "P.release");
      await registerPasskey(desk.as("bob"), desk.passkeys("bob"), "test");
      const card = await openCard(desk.as("admin"), release("P.release", "v1.2.0", base));
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
  {
    // Bob by a signal, the same statement again by an update, carol by an update.
    name: "card-approved-by-two",
    status: "success",
    passes: ["admitStatement", "admitStatement", "admitStatement", "issuePermit", "runCommand"],
    async drive(desk) {
      const card = await cardOfTwo(desk, "P.two");
      const { statement } = requireValue(await desk.as("bob").prepareStatement(card.card_id, "approve", "office::default"));
      const signed = attestStatement(statement, readSigningKey(desk.founded.keys.statement));
      await desk.temporal.workflow.getHandle(card.workflow_id).signal("statement", signed);
      requireValue(await desk.as("bob").submitStatement(statement));
      await state(desk, "carol", "approve", card);
      return ended(desk, card);
    },
  },
  {
    name: "card-approval-withdrawn-and-given-again",
    status: "success",
    passes: ["admitStatement", "admitStatement", "admitStatement", "admitStatement", "issuePermit", "runCommand"],
    async drive(desk) {
      const card = await cardOfTwo(desk, "P.again");
      await state(desk, "bob", "approve", card);
      await state(desk, "bob", "withdraw", card);
      await state(desk, "bob", "approve", card);
      await state(desk, "carol", "approve", card);
      return ended(desk, card);
    },
  },
  {
    // The policy asks for an attestation of registrations; the approval is the last that was missing.
    name: "card-attested",
    status: "success",
    passes: ["decidePlan", "admitAttestation", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(desk) {
      const attestor = newKey();
      await republish(desk, DEMO_TENANT, (data) => ({
        ...data,
        jobs: { ...data.jobs, "git.registry.init": { level: "L3", target: "LAB_512", attestation: PREDICATE_TYPE } },
        attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] } },
      }));
      const card = await openCard(desk.as("admin"), registration("P.attested"));
      requireValue(await desk.as("ci").attest(card.card_id, enveloped(statementOn(card.card_id, card.plan_digest ?? ""), attestor)));
      await state(desk, "bob", "approve", card);
      const workflowId = await ended(desk, card);
      await republish(desk);
      return workflowId;
    },
  },
  {
    name: "card-run-on-command",
    status: "success",
    passes: ["issuePermit", "acceptCommand", "runCommand", "recordAnswer"],
    async drive(desk) {
      const [author, job] = [desk.as("admin"), registration("P.command")];
      const card = await openCard(author, job, { run: "on_command" });
      await state(desk, "bob", "approve", card);
      await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
      requireValue(await author.issueCommand(await permitted(author, job, { approval_ref: card.card_id })));
      return ended(desk, card);
    },
  },
  {
    name: "card-run-by-expired",
    status: "expired",
    denial: "run_by_passed",
    passes: ["issuePermit", "endPermit", "closeCard"],
    async drive(desk) {
      const { clone } = await project(desk, "P.run-by");
      const card = await openCard(desk.as("admin"), push(clone, "P.run-by", "review/late"), { run: "on_command" });
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
  {
    name: "card-permit-revoked",
    status: "denied",
    denial: "permit_revoked",
    passes: ["issuePermit", "permitClaim", "closeCard"],
    async drive(desk) {
      const author = desk.as("admin");
      const card = await openCard(author, registration("P.revoked"), { run: "on_command" });
      await state(desk, "bob", "approve", card);
      const { jti } = await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
      requireValue(await author.revokePermit(jti ?? "", "No longer wanted."));
      return ended(desk, card);
    },
  },
  {
    name: "card-decide-by-expired",
    status: "expired",
    denial: "decide_by_passed",
    passes: ["decidePlan", "closeCard"],
    async drive(desk) {
      return ended(desk, await openCard(desk.as("admin"), registration("P.undecided"), { risk: "L5" }));
    },
  },
  {
    name: "card-rejected",
    status: "rejected",
    denial: "rejected",
    passes: ["decidePlan", "admitStatement", "closeCard"],
    async drive(desk) {
      const card = await openCard(desk.as("admin"), registration("P.rejected"));
      await state(desk, "bob", "reject", card);
      return ended(desk, card);
    },
  },
  {
    name: "card-withdrawn",
    status: "withdrawn",
    denial: "withdrawn",
    passes: ["decidePlan", "admitStatement", "closeCard"],
    async drive(desk) {
      const card = await openCard(desk.as("admin"), registration("P.withdrawn"));
      await state(desk, "admin", "withdraw", card);
      return ended(desk, card);
    },
  },
  {
    name: "card-plan-denied",
    status: "denied",
    denial: "project_unknown",
    passes: ["openCard", "planAct", "closeCard"],
    async drive(desk) {
      const { clone } = await project(desk, "P.known");
      return ended(desk, await openCard(desk.as("admin"), push(clone, "P.unknown", "feature/x")));
    },
  },
  {
    name: "card-policy-denied",
    status: "denied",
    denial: "policy_denied",
    passes: ["planAct", "decidePlan", "closeCard"],
    async drive(desk) {
      const { clone } = await project(desk, "P.wild");
      return ended(desk, await openCard(desk.as("admin"), push(clone, "P.wild", "wild/x")));
    },
  },
  {
    // The policy was published anew between the plan and its approval, which is therefore void; the second round succeeds.
    name: "card-approvals-voided-and-given-again",
    status: "success",
    passes: ["decidePlan", "admitStatement", "planAct", "voidApprovals", "decidePlan", "admitStatement", "issuePermit", "runCommand"],
    async drive(desk) {
      const author = desk.as("admin");
      const card = await openCard(author, registration("P.voided"));
      await republish(desk);
      await state(desk, "bob", "approve", card);
      while (requireValue(await author.readCard(card.card_id)).plan_digest === card.plan_digest) await delay(50);
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
  {
    // The branch was moved between the plan and its approval: there is no plan any more.
    name: "card-approvals-voided-for-good",
    status: "denied",
    denial: "ref_moved",
    passes: ["admitStatement", "planAct", "voidApprovals", "closeCard"],
    async drive(desk) {
      const { clone } = await project(desk, "P.moved");
      const author = desk.as("admin");
      const card = await openCard(author, push(clone, "P.moved", "feature/x"), { risk: "L3" });
      await actByPermit(author, push(clone, "P.moved", "feature/x"));
      await state(desk, "bob", "approve", card);
      return ended(desk, card);
    },
  },
];
