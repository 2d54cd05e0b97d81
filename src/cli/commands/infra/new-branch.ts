import { runGit, tryGit } from "../../../client/git/git-command.js";
import { checkBranchName, toBranchRef } from "../../../domain/git/ref-name.js";
import { RegistryCommand } from "../../cli-command.js";
import { buildLocalDryRunOption } from "../../terminal/option-values.js";
import { assertCleanTree, MAIN, openCheckout, readCurrentBranch, refuseInfra } from "./checkout.js";
import { findRemote, findRemoteTip, type Remote, readHeadCommit } from "./remote.js";

/** The prefix of every branch. An Office Git Registry accepts pushes only below `feature/`. */
const PREFIX = { forge: "infra/", ogr: "feature/infra/" } as const;

/** `ogr infra new-branch`: creates a branch for a change of the registry from an up-to-date main. */
export function buildInfraNewBranchCommand(): RegistryCommand {
  return new RegistryCommand<{ readonly dryRun?: boolean }>("new-branch <name>", "create a branch for a change of the registry")
    .addOption(buildLocalDryRunOption())
    .addExamples("ogr infra new-branch infra/register-site", "ogr infra new-branch disable-site   # makes infra/disable-site")
    .run(async ({ arguments: [wanted = ""], options, out, openClient }) => {
      const checkout = await openCheckout(process.cwd());
      const current = await readCurrentBranch(checkout);
      if (current !== MAIN)
        throw refuseInfra("not_on_main", `Branches start from ${MAIN}, and this is ${current}; switch first: git switch ${MAIN}.`);
      const remote = await findRemote(checkout);
      const branch = toBranchName(wanted, remote);
      await assertCleanTree(checkout);
      const head = await readHeadCommit(checkout);
      if ((await tryGit(checkout.root, ["rev-parse", "--verify", "--quiet", toBranchRef(branch)])) !== undefined)
        throw refuseInfra(
          "branch_exists",
          `The branch ${branch} already exists here; choose another name, or switch to it: git switch ${branch}.`,
        );
      if (remote !== undefined) {
        if ((await findRemoteTip(checkout, remote, branch, openClient)) !== undefined)
          throw refuseInfra("branch_exists", `The branch ${branch} already exists at the remote; choose another name.`);
        const main = await findRemoteTip(checkout, remote, MAIN, openClient);
        if (main !== undefined && main !== head)
          throw refuseInfra("base_stale", `${MAIN} differs from the remote's (${main.slice(0, 12)}); update it first: git pull --ff-only.`);
      }
      if (options.dryRun)
        return out.print(
          { ok: true, dry_run: true, branch, commit: head },
          `Would create the branch ${branch}\nNothing was changed (--dry-run).`,
        );
      await runGit(checkout.root, ["switch", "--quiet", "--no-track", "--create", branch]);
      out.print(
        { ok: true, branch, commit: head },
        `On the new branch ${branch}\nNext: scripts/infra/infra.sh register <org>/<repo> --context …`,
      );
    });
}

/** Returns the branch name with its prefix. @throws InfraRefused */
function toBranchName(wanted: string, remote: Remote | undefined): string {
  const prefix = PREFIX[remote?.kind ?? "forge"];
  const own = wanted.replace(/^(?:feature\/)?infra\//, "");
  const problem = /^[a-z0-9][a-z0-9._-]{0,79}$/.test(own) ? checkBranchName(`${prefix}${own}`) : "";
  if (problem !== undefined)
    throw refuseInfra(
      "branch_invalid",
      `${JSON.stringify(wanted)} is not a valid branch name; use infra/<what>, with lower-case letters, digits, \`.\`, \`_\` and \`-\`. ${problem}`.trim(),
    );
  return `${prefix}${own}`;
}
