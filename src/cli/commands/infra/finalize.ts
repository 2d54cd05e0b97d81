import type { Command } from "commander";
import { git } from "../../../client/git/git-command.js";
import { type ChangelogEntry, parseChangelog } from "../../../infra/changelog.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import { holdRegistry } from "../../../infra/registry-files.js";
import { leaf, withExamples } from "../../leaf.js";
import { localDryRunOption } from "../../terminal/option-values.js";
import type { Output } from "../../terminal/output.js";
import { findingsOf } from "./branch-state.js";
import { type Checkout, changingBranch, dirtyPaths, dryRunMark, filesAt, filesHere, listed, no, openCheckout } from "./checkout.js";
import { findingText } from "./finding-text.js";
import { settled } from "./refused.js";
import { baseOf, headOf } from "./remote.js";

/** `ogr infra finalize`: checks a change of the registry as a whole, and stages it. Required before committing. */
export function infraFinalize(): Command {
  const command = leaf<{ readonly dryRun?: boolean }>(
    "finalize",
    "check a change of the registry, and stage it",
    async ({ options, out }) => {
      const checkout = await openCheckout(process.cwd());
      const branch = await changingBranch(checkout);
      if (options.dryRun) {
        const mutations = await checkedChange(checkout, out);
        const text = [...namesOf(mutations).map((line) => `would stage ${line}`), "Nothing was staged (--dry-run)."].join("\n");
        return out.print({ ok: true, ...dryRunMark(true), branch, would_stage: OWN, mutations }, text);
      }
      const lock = settled(await holdRegistry(checkout.place));
      try {
        if (lock.repaired !== null) out.remark(lock.repaired);
        const mutations = await checkedChange(checkout, out);
        await git(checkout.root, ["add", "--", ...OWN]);
        await confirmStaged(checkout);
        const lines = namesOf(mutations);
        const next = `Next: git commit -m "infra: ${lines.join(", ")}"`;
        out.print({ ok: true, branch, staged: OWN, mutations }, [...lines.map((line) => `staged ${line}`), next].join("\n"));
      } finally {
        await lock.release();
      }
    },
  ).addOption(localDryRunOption());
  return withExamples(command, "ogr infra finalize", "ogr infra finalize --dry-run");
}

const OWN = [REGISTRY_PATH, CHANGELOG_PATH];

function namesOf(mutations: readonly ChangelogEntry[]): string[] {
  return mutations.map(({ action, owner, repo }) => `${action} ${owner}/${repo}`);
}

/** The mutations of a change that may be staged. @throws InfraRefused */
async function checkedChange(checkout: Checkout, out: Output): Promise<ChangelogEntry[]> {
  const [committed, here] = [await filesAt(checkout, await headOf(checkout)), await filesHere(checkout)];
  if (here.registry === undefined) throw no("registry_missing", `${REGISTRY_PATH} is not there; restore it: git restore ${REGISTRY_PATH}.`);
  if (committed.registry?.equals(here.registry))
    throw no(
      "registry_not_modified",
      `${REGISTRY_PATH} is as it was committed; change it first: scripts/infra/infra.sh register|disable|enable|unregister.`,
    );
  const findings = await findingsOf(checkout, await baseOf(checkout), "all");
  const errors = findings.filter(({ severity }) => severity === "error");
  const stray = errors.filter(({ rule }) => rule === "only-registry-files").map(({ file }) => file);
  for (const finding of findings) if (!stray.includes(finding.file)) out.remark(findingText(finding));
  if (errors.some(({ rule }) => rule === "base-stale"))
    throw no(
      "base_stale",
      "main has changed the registry since this branch left it; take the change back, rebase on main, and make it anew.",
    );
  const wrong = errors.find(({ rule }) => rule !== "only-registry-files");
  if (wrong !== undefined) throw no("registry_invalid", `The change breaks a rule, and nothing is staged: ${findingText(wrong)}`);
  if (stray.length > 0)
    throw no("tree_dirty", `The branch changes more than the registry: ${listed(stray)}. Take that back, or make it a branch of its own.`);
  const before = committed.changelog?.toString("utf8").split("\n").length ?? 1;
  const changelog = parseChangelog(here.changelog ?? "");
  return changelog.ok ? changelog.entries.filter(({ line }) => line >= before) : [];
}

/** What is staged is all that has changed. */
async function confirmStaged(checkout: Checkout): Promise<void> {
  const unstaged = (await git(checkout.root, ["diff", "--name-only", "-z"])).split("\0").filter((path) => path !== "");
  const strangers = (await dirtyPaths(checkout)).filter((path) => !OWN.includes(path));
  if (unstaged.length + strangers.length > 0)
    throw no(
      "tree_dirty",
      `The working tree has changes beside what is staged: ${listed([...unstaged, ...strangers])}. Take them back, and finalize again.`,
    );
}
