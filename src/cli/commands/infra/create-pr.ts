import { runGit } from "../../../client/git/git-command.js";
import { isFinalStatus } from "../../../domain/card/flow-status.js";
import { type Call, RegistryCommand } from "../../cli-command.js";
import { proposeCard } from "../../outcome.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption } from "../../terminal/option-values.js";
import { formatStatus } from "../../terminal/text.js";
import { assertCleanTree, type Checkout, MAIN, openCheckout, refuseInfra, requireChangeBranch } from "./checkout.js";
import { createPullRequest } from "./gh.js";
import { findMergeCard } from "./merge-card.js";
import { assertFreshBase, findRemoteTip, listOwnSubjects, openRemoteClient, type Remote, readHeadCommit, requireRemote } from "./remote.js";

interface CreateOptions {
  readonly office: string;
  readonly title?: string;
  readonly dryRun?: boolean;
}

/** A branch that is ready for review: pushed, and ahead of main. */
interface ReadyBranch {
  readonly branch: string;
  readonly head: string;
  readonly title: string;
  readonly body: string;
}

/** `ogr infra create-pr`: requests a review of the current branch, as a pull request or as a card that merges it into main. */
export function buildInfraCreatePrCommand(): RegistryCommand {
  return new RegistryCommand<CreateOptions>("create-pr", "request a review of the current branch")
    .option("--title <sentence>", "the title (default: the first commit's subject)")
    .addOption(buildOfficeOption())
    .addOption(buildDryRunOption())
    .addExamples("ogr infra create-pr", "ogr infra create-pr --dry-run", 'ogr infra create-pr --title "infra: register acme/site"')
    .run(async (call) => {
      const checkout = await openCheckout(process.cwd());
      const branch = await requireChangeBranch(checkout);
      await assertCleanTree(checkout);
      const remote = await requireRemote(checkout);
      const ready = await requireReadyBranch(checkout, remote, branch, call);
      if (remote.kind === "ogr") return openMergeCard(remote, ready, call);
      const asked = { base: MAIN, head: branch, title: ready.title, body: ready.body };
      if (call.options.dryRun)
        return call.out.print(
          { ok: true, dry_run: true, ...asked, commit: ready.head },
          `Would open a pull request of ${branch} into ${MAIN}: ${ready.title}\n${ready.body}\nNothing was changed (--dry-run).`,
        );
      const url = await createPullRequest(checkout, asked);
      call.out.print(
        { ok: true, url, branch, base: MAIN, title: ready.title },
        `${url}\nNext, after its approval: scripts/infra/helpers/merge-pr.sh`,
      );
    });
}

async function requireReadyBranch(
  checkout: Checkout,
  remote: Remote,
  branch: string,
  { options, openClient }: Call<CreateOptions>,
): Promise<ReadyBranch> {
  const head = await readHeadCommit(checkout);
  // A dry run fetches nothing: a tip that is not here yet is not in this branch either.
  if (remote.kind === "forge" && !options.dryRun) await runGit(checkout.root, ["fetch", "--quiet", "origin"]);
  const main = await findRemoteTip(checkout, remote, MAIN, openClient);
  await assertFreshBase(checkout, main);
  const subjects = await listOwnSubjects(checkout, main);
  if (subjects.length === 0)
    throw refuseInfra("no_commits", `${branch} has no commit beyond ${MAIN}; finalize the change and commit it: git commit -m "infra: …".`);
  const pushed = await findRemoteTip(checkout, remote, branch, openClient);
  if (pushed !== head)
    throw refuseInfra(
      "branch_not_pushed",
      `${branch} ${pushed === undefined ? "is not" : "has another tip"} at the remote; push it: ${formatPushCommand(remote, branch)}`,
    );
  const title = options.title ?? subjects[0] ?? branch;
  return { branch, head, title, body: subjects.map((subject) => `- ${subject}`).join("\n") };
}

function formatPushCommand(remote: Remote, branch: string): string {
  return remote.kind === "ogr" ? `ogr push ${remote.project_id} --branch ${branch}` : `git push -u origin ${branch}`;
}

/** In an Office Git Registry a card is the review, and its approval merges. */
async function openMergeCard(
  remote: Extract<Remote, { kind: "ogr" }>,
  { branch, head, title }: ReadyBranch,
  { openClient, options, out }: Call<CreateOptions>,
): Promise<void> {
  const { project_id } = remote;
  const params = {
    project_id,
    source: branch,
    target: MAIN,
    expected_source: head,
    strategy: "squash",
  };
  const wanted = { office_id: options.office, intent: title, jobType: "git.registry.merge_protected", params, target: "LAB_512" };
  const registry = await openRemoteClient(remote, openClient);
  const open = await findMergeCard(registry, project_id, branch);
  if (open !== undefined && !isFinalStatus(open.status))
    throw refuseInfra(
      "pull_request_exists",
      `Card ${open.card_id} is for ${branch} already and ${formatStatus(open.status)}; wait for it: scripts/infra/helpers/merge-pr.sh, or withdraw it: ogr card withdraw ${open.card_id}`,
    );
  if (!options.dryRun) return proposeCard(registry, wanted, false, out);
  printDryRun(
    out,
    registry,
    { act: "card.open", ...wanted },
    `Would open a card: ${title}\n  merge     ${branch} into ${MAIN} of ${project_id}, squashed`,
  );
}
