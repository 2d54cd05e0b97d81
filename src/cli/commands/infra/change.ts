import { type Command, Option } from "commander";
import type { InfraCommand } from "../../../infra/command.js";
import { mutateRegistry, previewMutation } from "../../../infra/registry-files.js";
import { EXECUTION_CONTEXTS } from "../../../infra/registry-schema.js";
import { addExamples, buildCommand } from "../../build-command.js";
import { buildLocalDryRunOption } from "../../terminal/option-values.js";
import type { Output } from "../../terminal/output.js";
import { buildDryRunMark, openCheckout, requireChangeBranch } from "./checkout.js";
import { requireOutcome } from "./refused.js";

interface ChangeOptions {
  readonly context?: string;
  readonly telemetryRepo?: string;
  readonly confirmDelete?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** `ogr infra register`: adds a repository with an explicit context. */
export function buildInfraRegisterCommand(): Command {
  const command = buildChangeCommand("register", "add a repository to the registry", (name, { context, telemetryRepo, reason }) => ({
    action: "register",
    name,
    context,
    telemetry_repo: telemetryRepo,
    reason,
  }))
    .addOption(buildContextOption())
    .option("--telemetry-repo <repository>", "<org>/<repo>; required for the first repository of an org");
  return addExamples(
    command,
    'ogr infra register acme/site --context sandbox --telemetry-repo acme/telemetry --reason "Trial of the new shop"',
    "ogr infra register acme/shop --context production --dry-run",
  );
}

/** The choices serve completion and help. The engine refuses an unknown context with its own code. */
function buildContextOption(): Option {
  return new Option("--context <context>", "the execution context; never inferred")
    .choices(EXECUTION_CONTEXTS)
    .argParser((text: string) => text);
}

/** `ogr infra disable`: keeps the entry of a repository, and stops everything that runs for it. */
export function buildInfraDisableCommand(): Command {
  const command = buildChangeCommand("disable", "stop everything that runs for a repository", (name, { reason }) => ({
    action: "disable",
    name,
    reason,
  }));
  return addExamples(command, 'ogr infra disable acme/site --reason "Trial is over"');
}

/** `ogr infra enable`: the opposite of `disable`. */
export function buildInfraEnableCommand(): Command {
  const command = buildChangeCommand("enable", "enable a disabled repository", (name, { reason }) => ({
    action: "enable",
    name,
    reason,
  }));
  return addExamples(command, 'ogr infra enable acme/site --reason "Second trial"');
}

/** `ogr infra unregister`: removes the entry of a repository. */
export function buildInfraUnregisterCommand(): Command {
  const command = buildChangeCommand("unregister", "remove a repository from the registry", (name, { confirmDelete = false, reason }) => ({
    action: "unregister",
    name,
    confirmDelete: confirmDelete,
    reason,
  })).option("--confirm-delete", "confirm that the entry is to be removed");
  return addExamples(command, 'ogr infra unregister acme/site --confirm-delete --reason "Moved to acme/shop"');
}

function buildChangeCommand(
  action: string,
  description: string,
  toInfraCommand: (name: string, options: ChangeOptions) => InfraCommand,
): Command {
  return buildCommand<ChangeOptions>(`${action} <org/repo>`, description, async ({ options, arguments: [name = ""], out }) => {
    await applyChange(toInfraCommand(name, options), options.dryRun === true, out);
  })
    .option("--reason <text>", "why; stored in the registry and its changelog")
    .addOption(buildLocalDryRunOption());
}

async function applyChange(command: InfraCommand, dryRun: boolean, out: Output): Promise<void> {
  const checkout = await openCheckout(process.cwd());
  const branch = await requireChangeBranch(checkout);
  const clock = { now: () => new Date() };
  const { line, repaired } = dryRun
    ? { ...requireOutcome(await previewMutation(checkout.place, command, clock)), repaired: null }
    : requireOutcome(await mutateRegistry(checkout.place, command, clock));
  if (repaired !== null) out.remark(repaired);
  if ((line.reason ?? "") === "")
    out.remark("No --reason is given, so nobody will know why. Undo this and pass one, unless that is intended.");
  const routing = `${line.context}, telemetry to ${line.telemetry_repo}`;
  const next = dryRun ? "Nothing was changed (--dry-run)." : "Next: scripts/infra/helpers/finalize-registry.sh";
  out.print({ ok: true, ...buildDryRunMark(dryRun), branch, ...line }, `${line.action} ${line.owner}/${line.repo}: ${routing}\n${next}`);
}
