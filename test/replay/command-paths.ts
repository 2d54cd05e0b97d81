import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireValue } from "../../src/client/http/problem.js";
import { waitForCardEnd, waitForCommandEnd } from "../../src/client/waiting.js";
import { LAB_256_QUEUE } from "../../src/domain/act/task-queue.js";
import { ZERO_ID } from "../../src/domain/git/git-id.js";
import {
  actByPermit,
  buildPushJob,
  buildRegistrationJob,
  openCard,
  PATIENCE_MS,
  prepareCommand,
  stateDecision,
} from "../harness/acting.js";
import { resolveTestProcess } from "../harness/processes.js";
import type { Death } from "../processes/die-after.js";
import { Clone } from "../repository/real-git.js";
import type { Path } from "./path.js";
import {
  createProject,
  createReplayPullingEnvironment,
  PULL_TENANT,
  type ReplaySetup,
  republishPolicy,
  withRunner,
} from "./replay-setup.js";

const DYING_RUNNER = resolveTestProcess("lab512-dying", undefined);

/** Builds the first push to a new branch in a new project. */
async function buildFirstPush(setup: ReplaySetup, project_id: string, branch = "feature/x") {
  const { clone } = await createProject(setup, project_id);
  return buildPushJob(clone, project_id, branch);
}

export const commandPaths: readonly Path[] = [
  {
    name: "command-success",
    status: "success",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(setup) {
      const { command } = await actByPermit(setup.as("admin"), await buildFirstPush(setup, "P.direct"));
      return command.workflow_id;
    },
  },
  {
    name: "command-error",
    status: "error",
    denial: "ref_moved",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(setup) {
      const { clone } = await createProject(setup, "P.stale");
      const stale = buildPushJob(clone, "P.stale", "feature/base", ZERO_ID);
      const { command } = await actByPermit(setup.as("admin"), stale);
      return command.workflow_id;
    },
  },
  {
    // Another policy is published between the permit and its use.
    name: "command-refused-by-the-runner",
    status: "denied",
    denial: "policy_not_current",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(setup) {
      const author = setup.as("admin");
      const envelope = await prepareCommand(author, await buildFirstPush(setup, "P.refused"));
      await republishPolicy(setup);
      const { workflow_id } = requireValue(await author.issueCommand(envelope));
      await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
      return workflow_id;
    },
  },
  {
    // The Runner is killed after the objects are stored. The second attempt ends the act.
    name: "command-retried",
    status: "success",
    passes: ["acceptCommand", "runCommand", "recordAnswer"],
    async drive(setup) {
      const job = await buildFirstPush(setup, "P.retried");
      const author = setup.as("admin");
      const plan = join(setup.dataDir, "retried.json");
      writeFileSync(plan, JSON.stringify({ step: "stored", acts: 1 } satisfies Death));
      return withRunner(setup, { entry: DYING_RUNNER, env: { TEST_DIE_PLAN: plan } }, async () => {
        const envelope = await prepareCommand(author, job);
        const { workflow_id } = requireValue(await author.issueCommand(envelope));
        await setup.lab512.exited;
        await setup.lab512.start();
        await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
        return workflow_id;
      });
    },
  },
  {
    // No Runner polls LAB_512 until the permit has expired.
    name: "command-without-a-runner",
    status: "expired",
    denial: "run_by_passed",
    passes: ["acceptCommand", "runCommand", "endPermit", "closeCommand"],
    async drive(setup) {
      const job = await buildFirstPush(setup, "P.nobody", "review/x");
      await setup.lab512.stop();
      const { command } = await actByPermit(setup.as("admin"), job);
      await setup.lab512.start();
      return command.workflow_id;
    },
  },
  {
    name: "card-pulled-over-http",
    status: "success",
    passes: ["issuePermit", "acceptReceipt", "closeCard"],
    async drive(setup) {
      const author = setup.as("pia", PULL_TENANT);
      return withRunner(setup, { env: await createReplayPullingEnvironment(setup) }, async () => {
        const card = await openCard(author, buildRegistrationJob("P.pulled"));
        await stateDecision(setup, "paul", "approve", card, PULL_TENANT);
        return (await waitForCardEnd(author, card.card_id, PATIENCE_MS)).workflow_id;
      });
    },
  },
  {
    // Another policy is published between the permit and the pull.
    name: "command-refused-over-http",
    status: "denied",
    denial: "policy_not_current",
    passes: ["acceptCommand", "acceptRefusal"],
    async drive(setup) {
      const author = setup.as("pia", PULL_TENANT);
      return withRunner(setup, { env: await createReplayPullingEnvironment(setup) }, async () => {
        const card = await openCard(author, buildRegistrationJob("P.pulled-refused"));
        await stateDecision(setup, "paul", "approve", card, PULL_TENANT);
        await waitForCardEnd(author, card.card_id, PATIENCE_MS);
        const clone = new Clone();
        clone.commit("base.txt", "refused");
        const envelope = await prepareCommand(author, buildPushJob(clone, "P.pulled-refused", "feature/x"));
        await republishPolicy(setup, PULL_TENANT);
        const { workflow_id } = requireValue(await author.issueCommand(envelope));
        await waitForCommandEnd(author, envelope.jti, PATIENCE_MS);
        return workflow_id;
      });
    },
  },
  {
    // No Runner pulls the command until the permit has expired.
    name: "card-never-pulled",
    status: "expired",
    denial: "run_by_passed",
    passes: ["issuePermit", "endPermit", "closeCommand", "closeCard"],
    async drive(setup) {
      const author = setup.as("pia", PULL_TENANT);
      const { clone } = await createProject(setup, "P.elsewhere");
      // This Runner plans and does not pull.
      const card = await openCard(author, buildPushJob(clone, "P.pulled", "review/x"));
      await stateDecision(setup, "paul", "approve", card, PULL_TENANT);
      return (await waitForCardEnd(author, card.card_id, PATIENCE_MS)).workflow_id;
    },
  },
  {
    name: "housekeeping",
    status: "housekept",
    passes: ["sweepPermits", "headsToAnchor", "anchorHeads", "recordAnchored"],
    async drive(setup) {
      await createProject(setup, "P.kept");
      const options = { taskQueue: LAB_256_QUEUE, workflowId: "housekeeping-recorded", args: [] };
      await setup.temporal.workflow.execute("housekeeping", options);
      return options.workflowId;
    },
  },
];
