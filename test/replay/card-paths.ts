import { setTimeout as delay } from "node:timers/promises";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardToLeave } from "../../src/client/waiting.js";
import { readSigningKey } from "../../src/configuration/keys.js";
import { attestStatement } from "../../src/lab256/identity/passkeys/statements.js";
import { DEMO_TENANT } from "../../src/stack/founding/demo-tenants.js";
import type { FlowState } from "../../src/workflows/messages.js";
import { buildAttestationStatement, PREDICATE_TYPE, signAttestation } from "../domain/attestations.js";
import { createTestKey } from "../domain/samples.js";
import {
  actByCard,
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  buildReleaseJob,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { registerCountedPasskey } from "../harness/passkeys.js";
import type { Path } from "./path.js";
import { createProject, type ReplaySetup, republishPolicy, TWO_APPROVALS_OFFICE, waitForEnd } from "./replay-setup.js";

/** Opens a card that two persons must approve. */
async function openCardOfTwo(setup: ReplaySetup, project_id: string) {
  const { clone } = await createProject(setup, project_id);
  return openCard(setup.as("admin"), buildPushJob(clone, project_id, "feature/two"), { office_id: TWO_APPROVALS_OFFICE });
}

export const cardPaths: readonly Path[] = [
  {
    name: "card-approved",
    status: "success",
    passes: ["openCard", "planAct", "decidePlan", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(setup) {
      const card = await openCard(setup.as("admin"), buildRegistrationJob("P.approved"));
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-approved-with-step-up",
    status: "success",
    passes: ["admitStatement", "issuePermit", "runCommand"],
    async drive(setup) {
      const { base } = await createProject(setup, "P.release");
      await registerCountedPasskey(setup, "bob");
      const card = await openCard(setup.as("admin"), buildReleaseJob("P.release", "v1.2.0", base));
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    // Bob approves by a signal and repeats the statement by an update, and carol approves by an update.
    name: "card-approved-by-two",
    status: "success",
    passes: ["admitStatement", "admitStatement", "admitStatement", "issuePermit", "runCommand"],
    async drive(setup) {
      const card = await openCardOfTwo(setup, "P.two");
      const { statement } = requireValue(await setup.as("bob").prepareStatement(card.card_id, "approve", "office::default"));
      const signed = attestStatement(statement, readSigningKey(setup.founded.keys.statement));
      await setup.temporal.workflow.getHandle(card.workflow_id).signal("statement", signed);
      requireValue(await setup.as("bob").submitStatement(statement));
      await stateDecision(setup, "carol", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    // The history is that of the second run.
    name: "card-with-many-messages",
    status: "success",
    passes: ["admitStatement", "admitStatement", "planAct", "issuePermit", "runCommand"],
    async drive(setup) {
      const card = await openCardOfTwo(setup, "P.many");
      for (let n = 0; n < 50; n += 1) await stateDecision(setup, "carol", "withdraw", card);
      await stateDecision(setup, "bob", "approve", card);
      await stateDecision(setup, "carol", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-approval-withdrawn-and-given-again",
    status: "success",
    passes: ["admitStatement", "admitStatement", "admitStatement", "admitStatement", "issuePermit", "runCommand"],
    async drive(setup) {
      const card = await openCardOfTwo(setup, "P.again");
      await stateDecision(setup, "bob", "approve", card);
      await stateDecision(setup, "bob", "withdraw", card);
      await stateDecision(setup, "bob", "approve", card);
      await stateDecision(setup, "carol", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    // The policy requires an attestation for registrations. The approval is the last requirement.
    name: "card-attested",
    status: "success",
    passes: ["decidePlan", "admitAttestation", "admitStatement", "planAct", "issuePermit", "runCommand", "recordAnswer", "closeCard"],
    async drive(setup) {
      const attestor = createTestKey();
      await republishPolicy(setup, DEMO_TENANT, (data) => ({
        ...data,
        jobs: { ...data.jobs, "git.registry.init": { level: "L3", target: "LAB_512", attestation: PREDICATE_TYPE } },
        attestors: { [PREDICATE_TYPE]: { keys: [attestor.jwk] } },
      }));
      const card = await openCard(setup.as("admin"), buildRegistrationJob("P.attested"));
      requireValue(
        await setup
          .as("ci")
          .attest(card.card_id, signAttestation(buildAttestationStatement(card.card_id, card.plan_digest ?? ""), attestor)),
      );
      await stateDecision(setup, "bob", "approve", card);
      const workflowId = await waitForEnd(setup, card);
      await republishPolicy(setup);
      return workflowId;
    },
  },
  {
    name: "card-run-on-command",
    status: "success",
    passes: ["issuePermit", "acceptCommand", "runCommand", "recordAnswer"],
    async drive(setup) {
      const [author, job] = [setup.as("admin"), buildRegistrationJob("P.command")];
      const card = await openCard(author, job, { run: "on_command" });
      await stateDecision(setup, "bob", "approve", card);
      await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
      requireValue(await author.issueCommand(await prepareCommand(author, job, { approval_ref: card.card_id })));
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-run-by-expired",
    status: "expired",
    denial: "run_by_passed",
    passes: ["issuePermit", "endPermit", "closeCard"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.run-by");
      const card = await openCard(setup.as("admin"), buildPushJob(clone, "P.run-by", "review/late"), { run: "on_command" });
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-permit-revoked",
    status: "denied",
    denial: "permit_revoked",
    passes: ["issuePermit", "permitClaim", "closeCard"],
    async drive(setup) {
      const author = setup.as("admin");
      const card = await openCard(author, buildRegistrationJob("P.revoked"), { run: "on_command" });
      await stateDecision(setup, "bob", "approve", card);
      const { jti } = await waitForCardToLeave(author, card.card_id, ["awaiting_approval"], PATIENCE_MS);
      requireValue(await author.revokePermit(jti ?? "", "No longer wanted."));
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-decide-by-expired",
    status: "expired",
    denial: "decide_by_passed",
    passes: ["decidePlan", "closeCard"],
    async drive(setup) {
      return waitForEnd(setup, await openCard(setup.as("admin"), buildRegistrationJob("P.undecided"), { risk: "L5" }));
    },
  },
  {
    name: "card-rejected",
    status: "rejected",
    denial: "rejected",
    passes: ["decidePlan", "admitStatement", "closeCard"],
    async drive(setup) {
      const card = await openCard(setup.as("admin"), buildRegistrationJob("P.rejected"));
      await stateDecision(setup, "bob", "reject", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-withdrawn",
    status: "withdrawn",
    denial: "withdrawn",
    passes: ["decidePlan", "admitStatement", "closeCard"],
    async drive(setup) {
      const card = await openCard(setup.as("admin"), buildRegistrationJob("P.withdrawn"));
      await stateDecision(setup, "admin", "withdraw", card);
      return waitForEnd(setup, card);
    },
  },
  {
    name: "card-plan-denied",
    status: "denied",
    denial: "project_unknown",
    passes: ["openCard", "planAct", "closeCard"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.known");
      return waitForEnd(setup, await openCard(setup.as("admin"), buildPushJob(clone, "P.unknown", "feature/x")));
    },
  },
  {
    name: "card-policy-denied",
    status: "denied",
    denial: "policy_denied",
    passes: ["planAct", "decidePlan", "closeCard"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.wild");
      return waitForEnd(setup, await openCard(setup.as("admin"), buildPushJob(clone, "P.wild", "wild/x")));
    },
  },
  {
    // Another policy is published after bob's approval, which becomes void. Carol decides, so the card gets a second round, which succeeds.
    name: "card-approvals-voided-and-given-again",
    status: "success",
    passes: [
      ...["decidePlan", "admitStatement", "checkPlan", "voidApprovals", "planAct", "decidePlan"],
      ...["admitStatement", "admitStatement", "issuePermit", "runCommand"],
    ],
    async drive(setup) {
      const card = await openCardOfTwo(setup, "P.voided");
      await stateDecision(setup, "bob", "approve", card);
      await republishPolicy(setup);
      await stateDecision(setup, "carol", "approve", card);
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    // The branch moves after bob's approval. LAB 256 tells the flow, and somebody looks.
    name: "card-approvals-voided-by-move",
    status: "denied",
    denial: "ref_moved",
    passes: ["admitStatement", "checkPlan", "voidApprovals", "planAct", "closeCard"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.moved");
      const author = setup.as("admin");
      const card = await openCard(author, buildPushJob(clone, "P.moved", "feature/x"), { office_id: TWO_APPROVALS_OFFICE });
      await stateDecision(setup, "bob", "approve", card);
      await actByPermit(author, buildPushJob(clone, "P.moved", "feature/x"));
      const handle = setup.temporal.workflow.getHandle(card.workflow_id);
      while ((await handle.query<FlowState>("state")).approvals.length > 0) await delay(50);
      return waitForEnd(setup, card);
    },
  },
  {
    // The same commits are pushed elsewhere after the plan, which its refs do not show. The approved plan is made once more and differs.
    name: "card-plan-changed-by-facts",
    status: "success",
    passes: ["admitStatement", "planAct", "voidApprovals", "decidePlan", "admitStatement", "planAct", "issuePermit", "runCommand"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.facts");
      const author = setup.as("admin");
      clone.commit("more.txt", "more");
      const card = await openCard(author, buildPushJob(clone, "P.facts", "feature/x"), { risk: "L3" });
      await actByPermit(author, buildPushJob(clone, "P.facts", "feature/y"));
      await stateDecision(setup, "bob", "approve", card);
      while (requireValue(await author.readCard(card.card_id)).plan_digest === card.plan_digest) await delay(50);
      await stateDecision(setup, "carol", "approve", card);
      return waitForEnd(setup, card);
    },
  },
  {
    // Another card registers the project between the plan and its approval, so the act can no longer be planned.
    name: "card-approvals-voided-for-good",
    status: "denied",
    denial: "project_exists",
    passes: ["admitStatement", "planAct", "voidApprovals", "closeCard"],
    async drive(setup) {
      const card = await openCard(setup.as("admin"), buildRegistrationJob("P.taken"));
      await actByCard(setup, buildRegistrationJob("P.taken"));
      await stateDecision(setup, "bob", "approve", card);
      return waitForEnd(setup, card);
    },
  },
];
