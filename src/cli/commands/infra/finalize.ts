import { runGit, runGitForPaths } from "../../../client/git/git-command.js";
import { type ChangelogEntry, parseChangelog } from "../../../infra/changelog.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "../../../infra/files.js";
import { holdRegistry } from "../../../infra/registry-files.js";
import { CliCommand } from "../../cli-command.js";
import { buildLocalDryRunOption } from "../../terminal/option-values.js";
import type { Output } from "../../terminal/output.js";
import { validateCheckout } from "./branch-state.js";
import {
  type Checkout,
  formatPaths,
  listDirtyPaths,
  openCheckout,
  readFilesAt,
  readWorkingFiles,
  refuseInfra,
  requireChangeBranch,
} from "./checkout.js";
import { formatFinding } from "./finding-text.js";
import { requireOutcome } from "./refused.js";
import { findBaseCommit, readHeadCommit } from "./remote.js";

/** `ogr infra finalize`: validates a change of the registry as a whole, and stages it. Required before committing. */
export function buildInfraFinalizeCommand(): CliCommand {
  return new CliCommand<{ readonly dryRun?: boolean }>("finalize", "validate a change of the registry, and stage it")
    .addOption(buildLocalDryRunOption())
    .addExamples("ogr infra finalize", "ogr infra finalize --dry-run")
    .run(async ({ options, out }) => {
      const checkout = await openCheckout(process.cwd());
      const branch = await requireChangeBranch(checkout);
      if (options.dryRun) {
        const mutations = await validateChange(checkout, out);
        const text = [...formatMutations(mutations).map((line) => `would stage ${line}`), "Nothing was staged (--dry-run)."].join("\n");
        return out.print({ ok: true, dry_run: true, branch, would_stage: OWN, mutations }, text);
      }
      const lock = requireOutcome(await holdRegistry(checkout.place));
      try {
        if (lock.repaired !== null) out.remark(lock.repaired);
        const mutations = await validateChange(checkout, out);
        await runGit(checkout.root, ["add", "--", ...OWN]);
        await assertAllStaged(checkout);
        const lines = formatMutations(mutations);
        const next = `Next: git commit -m "infra: ${lines.join(", ")}"`;
        out.print({ ok: true, branch, staged: OWN, mutations }, [...lines.map((line) => `staged ${line}`), next].join("\n"));
      } finally {
        await lock.release();
      }
    });
}

const OWN = [REGISTRY_PATH, CHANGELOG_PATH];

function formatMutations(mutations: readonly ChangelogEntry[]): string[] {
  return mutations.map(({ action, owner, repo }) => `${action} ${owner}/${repo}`);
}

/** Validates a change. Returns its mutations. @throws InfraRefused */
async function validateChange(checkout: Checkout, out: Output): Promise<ChangelogEntry[]> {
  const [committed, here] = [await readFilesAt(checkout, await readHeadCommit(checkout)), await readWorkingFiles(checkout)];
  if (here.registry === undefined)
    throw refuseInfra("registry_missing", `${REGISTRY_PATH} is missing; restore it: git restore ${REGISTRY_PATH}.`);
  if (committed.registry?.equals(here.registry))
    throw refuseInfra(
      "registry_not_modified",
      `${REGISTRY_PATH} is unchanged; change it first: scripts/infra/infra.sh register|disable|enable|unregister.`,
    );
  const findings = await validateCheckout(checkout, await findBaseCommit(checkout), "all");
  const errors = findings.filter(({ severity }) => severity === "error");
  const stray = errors.filter(({ rule }) => rule === "only-registry-files").map(({ file }) => file);
  for (const finding of findings) if (!stray.includes(finding.file)) out.remark(formatFinding(finding));
  if (errors.some(({ rule }) => rule === "base-stale"))
    throw refuseInfra(
      "base_stale",
      "main has changed the registry since this branch left it; undo the change, rebase on main, and make it again.",
    );
  const wrong = errors.find(({ rule }) => rule !== "only-registry-files");
  if (wrong !== undefined)
    throw refuseInfra("registry_invalid", `The change breaks a rule, and nothing is staged: ${formatFinding(wrong)}`);
  if (stray.length > 0)
    throw refuseInfra(
      "tree_dirty",
      `The branch changes more than the registry: ${formatPaths(stray)}. Undo that, or move it to its own branch.`,
    );
  const before = committed.changelog?.toString("utf8").split("\n").length ?? 1;
  const changelog = parseChangelog(here.changelog ?? "");
  return changelog.ok ? changelog.value.filter(({ line }) => line >= before) : [];
}

/** @throws InfraRefused unless everything that has changed is staged */
async function assertAllStaged(checkout: Checkout): Promise<void> {
  const unstaged = await runGitForPaths(checkout.root, ["diff", "--name-only", "-z"]);
  const strangers = (await listDirtyPaths(checkout)).filter((path) => !OWN.includes(path));
  if (unstaged.length + strangers.length > 0)
    throw refuseInfra(
      "tree_dirty",
      `The working tree has further changes: ${formatPaths([...unstaged, ...strangers])}. Undo them, and finalize again.`,
    );
}
