import type { Command } from "commander";
import { git } from "../../../client/git-command.js";
import { ZERO_ID } from "../../../domain/git-id.js";
import { proposeCard } from "../../card-outcome.js";
import { type Call, registryLeaf, withExamples } from "../../leaf.js";
import { officeOption } from "../../option-values.js";
import { type Checkout, changingBranch, MAIN, no, openCheckout, requireClean } from "./checkout.js";
import { createPullRequest } from "./gh.js";
import { headOf, ownSubjects, type Remote, requireFresh, requireRemote, tipAt } from "./remote.js";

interface CreateOptions {
  readonly office: string;
  readonly title?: string;
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
    const url = await createPullRequest(checkout, { base: MAIN, head: branch, title: ready.title, body: ready.body });
    call.out.print(
      { ok: true, url, branch, base: MAIN, title: ready.title },
      `${url}\nNext, when it is approved: scripts/infra/helpers/merge-pr.sh`,
    );
  })
    .option("--title <sentence>", "what the change is; the first commit says it where nothing is given")
    .addOption(officeOption());
  return withExamples(command, "ogr infra create-pr", 'ogr infra create-pr --title "infra: register acme/site"');
}

async function readyBranch(
  checkout: Checkout,
  remote: Remote,
  branch: string,
  { options, client }: Call<CreateOptions>,
): Promise<ReadyBranch> {
  const head = await headOf(checkout);
  if (remote.kind === "forge") await git(checkout.root, ["fetch", "--quiet", "origin"]);
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
  { project_id }: Extract<Remote, { kind: "ogr" }>,
  { branch, head, main, title }: ReadyBranch,
  { client, options, out }: Call<CreateOptions>,
): Promise<void> {
  const params = {
    project_id,
    source: branch,
    target: MAIN,
    expected_source: head,
    expected_target: main ?? ZERO_ID,
    strategy: "squash",
  };
  const wanted = { office_id: options.office, intent: title, jobType: "git.registry.merge_protected", params, target: "LAB_512" };
  await proposeCard(await client(), wanted, false, out);
}
