import type { Command } from "commander";
import { git } from "../../../client/git/git-command.js";
import { isFinal } from "../../../domain/card/flow-status.js";
import { ZERO_ID } from "../../../domain/git/git-id.js";
import { proposeCard } from "../../card-outcome.js";
import { type Call, registryLeaf, withExamples } from "../../leaf.js";
import { printDryRun } from "../../terminal/dry-run.js";
import { dryRunOption, officeOption } from "../../terminal/option-values.js";
import { statusText } from "../../terminal/text.js";
import { type Checkout, changingBranch, dryRunMark, MAIN, no, openCheckout, requireClean } from "./checkout.js";
import { createPullRequest } from "./gh.js";
import { mergeCardOf } from "./merge-card.js";
import { clientFor, headOf, ownSubjects, type Remote, requireFresh, requireRemote, tipAt } from "./remote.js";

interface CreateOptions {
  readonly office: string;
  readonly title?: string;
  readonly dryRun?: boolean;
}

/** A branch that is ready for review: pushed as it is here, with commits that main has not. */
interface ReadyBranch {
  readonly branch: string;
  readonly head: string;
  /** What main has at the remote; undefined where the remote has no main yet. */
  readonly main: string | undefined;
  readonly title: string;
  readonly body: string;
}

/** `ogr infra create-pr`: opens the review of the current branch, as a pull request or as a card that merges it into main. */
export function infraCreatePr(): Command {
  const command = registryLeaf<CreateOptions>("create-pr", "have the change of the current branch reviewed", async (call) => {
    const checkout = await openCheckout(process.cwd());
    const branch = await changingBranch(checkout);
    await requireClean(checkout);
    const remote = await requireRemote(checkout);
    const ready = await readyBranch(checkout, remote, branch, call);
    if (remote.kind === "ogr") return openMergeCard(remote, ready, call);
    const asked = { base: MAIN, head: branch, title: ready.title, body: ready.body };
    if (call.options.dryRun)
      return call.out.print(
        { ok: true, ...dryRunMark(true), ...asked, commit: ready.head },
        `Would open a pull request of ${branch} into ${MAIN}: ${ready.title}\n${ready.body}\nNothing was changed (--dry-run).`,
      );
    const url = await createPullRequest(checkout, asked);
    call.out.print(
      { ok: true, url, branch, base: MAIN, title: ready.title },
      `${url}\nNext, when it is approved: scripts/infra/helpers/merge-pr.sh`,
    );
  })
    .option("--title <sentence>", "what the change is; the first commit says it where nothing is given")
    .addOption(officeOption())
    .addOption(dryRunOption());
  return withExamples(
    command,
    "ogr infra create-pr",
    "ogr infra create-pr --dry-run",
    'ogr infra create-pr --title "infra: register acme/site"',
  );
}

async function readyBranch(
  checkout: Checkout,
  remote: Remote,
  branch: string,
  { options, client }: Call<CreateOptions>,
): Promise<ReadyBranch> {
  const head = await headOf(checkout);
  // What is not here yet is not in this branch either, so that a dry run fetches nothing to know it.
  if (remote.kind === "forge" && !options.dryRun) await git(checkout.root, ["fetch", "--quiet", "origin"]);
  const main = await tipAt(checkout, remote, MAIN, client);
  await requireFresh(checkout, main);
  const subjects = await ownSubjects(checkout, main);
  if (subjects.length === 0)
    throw no("no_commits", `${branch} has no commit that ${MAIN} has not; finalize the change and commit it: git commit -m "infra: …".`);
  const pushed = await tipAt(checkout, remote, branch, client);
  if (pushed !== head)
    throw no(
      "branch_not_pushed",
      `${branch} ${pushed === undefined ? "is not" : "stands otherwise"} at the remote; push it: ${pushCommand(remote, branch)}`,
    );
  const title = options.title ?? subjects[0] ?? branch;
  return { branch, head, main, title, body: subjects.map((subject) => `- ${subject}`).join("\n") };
}

function pushCommand(remote: Remote, branch: string): string {
  return remote.kind === "ogr" ? `ogr push ${remote.project_id} --branch ${branch}` : `git push -u origin ${branch}`;
}

/** In a registry of ours the review is a card, and its approval merges. */
async function openMergeCard(
  remote: Extract<Remote, { kind: "ogr" }>,
  { branch, head, main, title }: ReadyBranch,
  { client, options, out }: Call<CreateOptions>,
): Promise<void> {
  const { project_id } = remote;
  const params = {
    project_id,
    source: branch,
    target: MAIN,
    expected_source: head,
    expected_target: main ?? ZERO_ID,
    strategy: "squash",
  };
  const wanted = { office_id: options.office, intent: title, jobType: "git.registry.merge_protected", params, target: "LAB_512" };
  const registry = await clientFor(remote, client);
  const open = await mergeCardOf(registry, project_id, branch);
  if (open !== undefined && !isFinal(open.status))
    throw no(
      "pull_request_exists",
      `Card ${open.card_id} is for ${branch} already and ${statusText(open.status)}; wait for it: scripts/infra/helpers/merge-pr.sh, or take it back: ogr card withdraw ${open.card_id}`,
    );
  if (!options.dryRun) return proposeCard(registry, wanted, false, out);
  printDryRun(
    out,
    registry,
    { act: "card.open", ...wanted },
    `Would open a card: ${title}\n  merge     ${branch} into ${MAIN} of ${project_id}, squashed`,
  );
}
