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

/** `ogr infra register`: adds a repository, with its context said explicitly. */
export function buildInfraRegisterCommand(): Command {
  const command = buildChangeCommand("register", "add a repository to the registry", (name, { context, telemetryRepo, reason }) => ({
    action: "register",
    name,
    context,
    telemetry_repo: telemetryRepo,
    reason,
  }))
    .addOption(buildContextOption())
    .option("--telemetry-repo <repository>", "<org>/<repo>, which the first repository of an org has to name");
  return addExamples(
    command,
    'ogr infra register acme/site --context sandbox --telemetry-repo acme/telemetry --reason "Trial of the new shop"',
    "ogr infra register acme/shop --context production --dry-run",
  );
}

/** The choices are for completion and help; an unknown one is refused where every rule is, with its own code. */
function buildContextOption(): Option {
  return new Option("--context <context>", "where it runs; never inferred").choices(EXECUTION_CONTEXTS).argParser((text: string) => text);
}

/** `ogr infra disable`: a repository stays known, and nothing runs for it. */
export function buildInfraDisableCommand(): Command {
  const command = buildChangeCommand("disable", "have nothing run for a repository", (name, { reason }) => ({
    action: "disable",
    name,
    reason,
  }));
  return addExamples(command, 'ogr infra disable acme/site --reason "Trial is over"');
}

/** `ogr infra enable`: the opposite of `disable`. */
export function buildInfraEnableCommand(): Command {
  const command = buildChangeCommand("enable", "take a disabled repository up again", (name, { reason }) => ({
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
  })).option("--confirm-delete", "say that the entry is meant to go");
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
    .option("--reason <text>", "why; it is kept in the registry and in its changelog")
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
    out.remark("No --reason is given: nobody will know why. Take this back and give one, unless that is meant.");
  const routing = `${line.context}, telemetry to ${line.telemetry_repo}`;
  const next = dryRun ? "Nothing was changed (--dry-run)." : "Next: scripts/infra/helpers/finalize-registry.sh";
  out.print({ ok: true, ...buildDryRunMark(dryRun), branch, ...line }, `${line.action} ${line.owner}/${line.repo}: ${routing}\n${next}`);
}
