import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actDirectly } from "../../client/acting.js";
import { tryGit } from "../../client/git/git-command.js";
import { PREVIEW_COMMITS_MAX, type PushPreview, previewPush } from "../../client/git/push-preview.js";
import { deliverBundle, type PlannedPush, planPush } from "../../client/git/pushing.js";
import { requireValueOr } from "../../client/http/problem.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import type { MayBreakGlass } from "../../domain/act/break-glass.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { toShownLine } from "../../domain/shown-text.js";
import { type CardOptions, parseBreakGlass } from "../card-command.js";
import { RegistryCommand } from "../cli-command.js";
import { UsageError } from "../failure.js";
import { ACT_MAX_MS, proposeCard, reportCommandEnd } from "../outcome.js";
import { requireConsent } from "../terminal/consent.js";
import { printDryRun } from "../terminal/dry-run.js";
import { buildBreakGlassOption, buildDryRunOption, buildOfficeOption, buildRiskOption, buildYesOption } from "../terminal/option-values.js";
import type { Output } from "../terminal/output.js";
import { withProgress } from "../terminal/progress.js";
import { formatBreakGlassLines, formatSize, shortenId } from "../terminal/text.js";

const WAITS = { permit: "requesting a permit", command: "issuing the command", receipt: "running" } as const;

interface PushOptions extends CardOptions {
  readonly office: string;
  readonly from: string;
  readonly ref?: string;
  readonly branch?: string;
  readonly force?: boolean;
  readonly card?: boolean;
  readonly yes?: boolean;
}

/** `ogr push`: sends the commits of a local branch that the registry lacks. */
export function buildPushCommand(): RegistryCommand {
  return new RegistryCommand<PushOptions>("push <project>", "push a branch of a working copy")
    .option("--branch <name>", "the branch in the registry (default: the local branch's name)")
    .option("--ref <ref>", "the local branch to push (default: the checked-out one)")
    .option("--from <folder>", "the working copy", ".")
    .option("--force", "let the branch lose commits (L2)")
    .option("--card", "open a card instead of requesting a permit")
    .addOption(buildRiskOption())
    .addOption(buildBreakGlassOption())
    .addOption(buildOfficeOption())
    .option("--intent <sentence>", "what this is for (default: the commit's subject)")
    .option("--wait", "with --card: wait until the card has ended")
    .addOption(buildYesOption())
    .addOption(buildDryRunOption())
    .addExamples(
      "ogr push P.demo                                  # the branch that is checked out",
      "ogr push P.demo --branch feature/hello --dry-run",
      "ogr push P.demo --risk L3 --card --wait          # needs an approval first",
    )
    .run(async ({ options, arguments: [project_id = ""], out, openClient }) => {
      const emergency = parseBreakGlass(options);
      if (emergency.break_glass !== undefined && !options.card)
        throw new UsageError("--break-glass: only a card declares an emergency; add --card.");
      const registry = await openClient();
      const { ref, branch } = await resolvePushSource(options);
      const folder = await mkdtemp(join(tmpdir(), "ogr-push-"));
      try {
        const { from, force } = options;
        const wanted = { project_id, branch, folder: from, ref, force, bundlePath: join(folder, "push.bundle") };
        const [planned, preview] = await withProgress(out, "bundling", async () => {
          const plan = await planPush(registry, wanted);
          return [plan, await previewPush(from, plan)] as const;
        });
        if (options.dryRun) return printPushDryRun(registry, preview, options, emergency, out);
        if (preview.up_to_date) return out.print({ ok: true, ...preview }, `${formatPushPreview(preview)}\nThere is nothing to push.`);
        if (!out.json) out.remark(formatPushPreview(preview));
        await requireConsent(out, `Push this to ${registry.connection.server}?`, options);
        await sendPush(registry, planned, options, emergency, out);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

async function sendPush(
  registry: RegistryClient,
  { params, bundle }: PlannedPush,
  options: PushOptions,
  emergency: MayBreakGlass,
  out: Output,
): Promise<void> {
  const patch = await withProgress(out, `sending ${formatSize(bundle.sizeBytes)}`, () => deliverBundle(registry, bundle));
  const { office: office_id, intent = params.commit_summary, risk, wait = false } = options;
  const act = { office_id, intent, jobType: "git.registry.push", target: "LAB_512", ...(risk === undefined ? {} : { risk }) };
  if (options.card) {
    const carried = patch === undefined ? params : { ...params, patch };
    return proposeCard(registry, { ...act, ...emergency, params: carried }, wait, out);
  }
  const { command, level } = await withProgress(out, WAITS.permit, async (step) =>
    requireValueOr(await actDirectly(registry, { ...act, params, patch, timeoutMs: ACT_MAX_MS, onStep: (waits) => step(WAITS[waits]) }), {
      approval_required: "Open it by adding --card.",
    }),
  );
  reportCommandEnd(command, out, [`  level     ${level}`]);
}

/** Stages and requests nothing. */
function printPushDryRun(
  registry: RegistryClient,
  preview: PushPreview,
  { card = false, office, risk }: PushOptions,
  emergency: MayBreakGlass,
  out: Output,
): void {
  const act = { act: "git.registry.push", office_id: office, risk: risk ?? null, card, ...emergency, ...preview };
  printDryRun(out, registry, act, [formatPushPreview(preview), ...formatBreakGlassLines(emergency)].join("\n"));
}

/** Returns the full local ref and the branch's name in the registry. @throws UsageError */
async function resolvePushSource({ from, ref, branch }: PushOptions): Promise<{ ref: string; branch: string }> {
  const inside = await tryGit(from, ["rev-parse", "--git-dir"]);
  if (inside === undefined) throw new UsageError(`--from: ${from} is not a git repository; pass one, or change into one.`);
  const full = ref === undefined ? await tryGit(from, ["symbolic-ref", "--quiet", "HEAD"]) : await resolveRef(from, ref);
  const name = full?.startsWith("refs/heads/") ? full.slice("refs/heads/".length) : undefined;
  if (ref !== undefined && !full) throw new UsageError(`--ref: ${ref} is not a branch of ${from}; name a local branch.`);
  if (branch === undefined && name === undefined)
    throw new UsageError("--branch: no local branch is checked out; name the branch of the registry.");
  const chosen = full || "HEAD";
  if ((await tryGit(from, ["rev-parse", "--verify", "--quiet", `${chosen}^{commit}`])) === undefined)
    throw new UsageError(`--from: ${from} has no commit yet; commit something first.`);
  return { ref: chosen, branch: branch ?? name ?? "" };
}

/** Returns the full name of a ref. A branch comes first: git would prefer a tag of the same name. */
async function resolveRef(from: string, ref: string): Promise<string | undefined> {
  const branch = toBranchRef(ref);
  if ((await tryGit(from, ["rev-parse", "--verify", "--quiet", branch])) !== undefined) return branch;
  return tryGit(from, ["rev-parse", "--symbolic-full-name", "--verify", "--quiet", ref]);
}

/** Formats a push for a person to review. */
function formatPushPreview(preview: PushPreview): string {
  const { project_id, branch, old, new: tip, up_to_date, fast_forward, force, commit_count, commits, size_bytes, travels } = preview;
  const lines = [
    `Push to ${project_id}`,
    `  branch    ${branch}: ${old === null ? "none" : shortenId(old)} → ${shortenId(tip)}${up_to_date ? ", which is already there" : ""}`,
  ];
  if (fast_forward === false && !up_to_date)
    lines.push(
      force
        ? "  history   is rewritten: the branch loses commits (--force)"
        : "  history   would be rewritten, as far as this working copy knows: refused without --force",
    );
  lines.push(`  commits   ${commit_count === 0 ? "none that the registry lacks" : commit_count}`);
  for (const { id, summary, author } of commits) lines.push(toShownLine(`            ${shortenId(id)} ${summary} (${author})`));
  if (commit_count > commits.length && commits.length === PREVIEW_COMMITS_MAX)
    lines.push(`            … and ${commit_count - commits.length} more`);
  lines.push(`  size      ${formatSize(size_bytes)}, ${travels}`);
  return lines.join("\n");
}
