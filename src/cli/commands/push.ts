import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actDirectly } from "../../client/acting.js";
import { type PushPreview, previewPush } from "../../client/git/push-preview.js";
import { deliverBundle, type PlannedPush, planPush } from "../../client/git/pushing.js";
import { requireValue } from "../../client/http/problem.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import type { CardOptions } from "../card-command.js";
import { RegistryCommand } from "../cli-command.js";
import { resolvePushSource, type Source } from "../connection/working-copy.js";
import { EXIT } from "../exit-codes.js";
import { UnsuccessfulExit } from "../failure.js";
import { ACT_MAX_MS, proposeCard, reportCommandEnd } from "../outcome.js";
import { requireConsent } from "../terminal/consent.js";
import { printDryRun } from "../terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption, buildRiskOption, buildYesOption } from "../terminal/option-values.js";
import type { Output } from "../terminal/output.js";
import { withProgress } from "../terminal/progress.js";
import { formatPushPreview } from "../terminal/push-text.js";
import { formatSize } from "../terminal/text.js";

const WAITS = { permit: "requesting a permit", command: "issuing the command", receipt: "running" } as const;

interface PushOptions extends CardOptions, Source {
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
        if (options.dryRun) return printPushDryRun(registry, preview, options, out);
        if (!out.json) out.remark(formatPushPreview(preview));
        // If the registry has it all, it refuses by itself and says why.
        if (!preview.up_to_date) await requireConsent(out, `Push this to ${registry.connection.server}?`, options);
        await sendPush(registry, planned, options, out);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

async function sendPush(registry: RegistryClient, { params, bundle }: PlannedPush, options: PushOptions, out: Output): Promise<void> {
  const patch = await withProgress(out, `sending ${formatSize(bundle.sizeBytes)}`, () => deliverBundle(registry, bundle));
  const { office: office_id, intent = params.commit_summary, risk, wait = false } = options;
  const act = { office_id, intent, jobType: "git.registry.push", target: "LAB_512", ...(risk === undefined ? {} : { risk }) };
  if (options.card) {
    const carried = patch === undefined ? params : { ...params, patch };
    return proposeCard(registry, { ...act, params: carried }, wait, out);
  }
  const { command, level } = await withProgress(out, WAITS.permit, async (step) =>
    requireValue(await actDirectly(registry, { ...act, params, patch, timeoutMs: ACT_MAX_MS, onStep: (waits) => step(WAITS[waits]) })),
  );
  reportCommandEnd(command, out, [`  level     ${level}`]);
}

/** Stages and requests nothing. @throws UnsuccessfulExit if the registry would have nothing to do */
function printPushDryRun(registry: RegistryClient, preview: PushPreview, { card = false, office, risk }: PushOptions, out: Output): void {
  const act = { act: "git.registry.push", office_id: office, risk: risk ?? null, card, ...preview };
  printDryRun(out, registry, act, formatPushPreview(preview));
  if (preview.up_to_date) throw new UnsuccessfulExit(EXIT.conflict);
}
