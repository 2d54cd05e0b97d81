import { Option } from "commander";
import type { InfraCommand } from "../../../infra/command.js";
import { mutateRegistry, previewMutation } from "../../../infra/registry-files.js";
import { EXECUTION_CONTEXTS } from "../../../infra/registry-schema.js";
import { type Call, CliCommand } from "../../cli-command.js";
import { buildLocalDryRunOption } from "../../terminal/option-values.js";
import { openCheckout, requireChangeBranch } from "./checkout.js";
import { requireOutcome } from "./refused.js";

interface ChangeOptions {
  readonly context?: string;
  readonly telemetryRepo?: string;
  readonly confirmDelete?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** `ogr infra register`: adds a repository with an explicit context. */
export function buildInfraRegisterCommand(): CliCommand {
  return buildChangeCommand("register", "add a repository to the registry")
    .addOption(buildContextOption())
    .option("--telemetry-repo <repository>", "<org>/<repo>; required for the first repository of an org")
    .addExamples(
      'ogr infra register acme/site --context sandbox --telemetry-repo acme/telemetry --reason "Trial of the new shop"',
      "ogr infra register acme/shop --context production --dry-run",
    )
    .run((call) =>
      applyChange(call, (entry, { context, telemetryRepo }) => ({ action: "register", ...entry, context, telemetry_repo: telemetryRepo })),
    );
}

/** The choices serve completion and help. The engine refuses an unknown context with its own code. */
function buildContextOption(): Option {
  return new Option("--context <context>", "the execution context; never inferred")
    .choices(EXECUTION_CONTEXTS)
    .argParser((text: string) => text);
}

/** `ogr infra disable`: keeps the entry of a repository, and stops everything that runs for it. */
export function buildInfraDisableCommand(): CliCommand {
  return buildChangeCommand("disable", "stop everything that runs for a repository")
    .addExamples('ogr infra disable acme/site --reason "Trial is over"')
    .run((call) => applyChange(call, (entry) => ({ action: "disable", ...entry })));
}

/** `ogr infra enable`: the opposite of `disable`. */
export function buildInfraEnableCommand(): CliCommand {
  return buildChangeCommand("enable", "enable a disabled repository")
    .addExamples('ogr infra enable acme/site --reason "Second trial"')
    .run((call) => applyChange(call, (entry) => ({ action: "enable", ...entry })));
}

/** `ogr infra unregister`: removes the entry of a repository. */
export function buildInfraUnregisterCommand(): CliCommand {
  return buildChangeCommand("unregister", "remove a repository from the registry")
    .option("--confirm-delete", "confirm that the entry is to be removed")
    .addExamples('ogr infra unregister acme/site --confirm-delete --reason "Moved to acme/shop"')
    .run((call) => applyChange(call, (entry, { confirmDelete = false }) => ({ action: "unregister", ...entry, confirmDelete })));
}

function buildChangeCommand(action: InfraCommand["action"], description: string): CliCommand<ChangeOptions> {
  return new CliCommand<ChangeOptions>(`${action} <org/repo>`, description)
    .option("--reason <text>", "why; stored in the registry and its changelog")
    .addOption(buildLocalDryRunOption());
}

/** The members of every command on an entry. */
type Entry = Pick<InfraCommand, "name" | "reason">;

async function applyChange(
  { options, arguments: [name = ""], out }: Call<ChangeOptions>,
  toInfraCommand: (entry: Entry, options: ChangeOptions) => InfraCommand,
): Promise<void> {
  const { dryRun = false, reason } = options;
  const command = toInfraCommand({ name, reason }, options);
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
  out.print(
    { ok: true, ...(dryRun ? { dry_run: true } : {}), branch, ...line },
    `${line.action} ${line.owner}/${line.repo}: ${routing}\n${next}`,
  );
}
