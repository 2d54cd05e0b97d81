import { Option } from "commander";
import { requireValue } from "../client/http/problem.js";
import { type CardAsk, fetchWhoami, type RegistryClient } from "../client/http/registry-client.js";
import { breakGlassSchema, type MayBreakGlass } from "../domain/act/break-glass.js";
import type { JobType } from "../domain/act/job.js";
import { type Call, RegistryCommand } from "./cli-command.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { proposeCard, throwUnlessOk } from "./outcome.js";
import { parseParams, printDryRun } from "./terminal/dry-run.js";
import { buildDryRunOption, buildOfficeOption, DEFAULT_OFFICE } from "./terminal/option-values.js";
import { withProgress } from "./terminal/progress.js";
import { formatBreakGlassLines } from "./terminal/text.js";

/** The options of every command that opens a card. */
export interface CardOptions {
  readonly office?: string;
  readonly intent?: string;
  readonly risk?: string;
  readonly breakGlass?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** The card that a command opens. */
export interface CardPlan {
  readonly jobType: JobType;
  readonly params: object;
  /** The intent when `--intent` is absent. */
  readonly intent: string;
  /** Sends what the registry needs before the card is opened. A dry run omits it. */
  prepare?(): Promise<void>;
  /** Looks at the registry for a dry run and changes nothing. */
  preview(wanted: CardAsk): Promise<CardPreview>;
}

/** The result of a dry run. */
export interface CardPreview {
  readonly lines: readonly string[];
  /** Further members of the JSON output. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** The exit code that the act itself would end with, as far as the preview knows. */
  readonly exit?: ExitCode;
}

type PlanCard<O> = (registry: RegistryClient, words: readonly string[], options: O & CardOptions) => Promise<CardPlan>;

/** A command that opens a card, or shows with `--dry-run` what it would open. */
export class CardCommand<O = unknown> extends RegistryCommand<O & CardOptions> {
  constructor(
    signature: string,
    description: string,
    private readonly intentHelp = "what this is for",
  ) {
    super(signature, description);
  }

  /**
   * Opens the card that `plan` returns. Adds the options of {@link CardOptions} after the command's own. A caller who holds `preferredOffice`
   * acts through it unless `--office` names another one.
   */
  openCard(plan: PlanCard<O>, preferredOffice?: string): this {
    return this.addOption(preferredOffice === undefined ? buildOfficeOption() : buildPreferringOption(preferredOffice))
      .option("--intent <sentence>", this.intentHelp)
      .option("--wait", "wait until the card has ended")
      .addOption(buildDryRunOption())
      .run((call) => openOrPreviewCard(call, plan, preferredOffice));
  }
}

function buildPreferringOption(office: string): Option {
  return new Option("--office <office>", `the office to act through (default: ${office} if you hold it, else ${DEFAULT_OFFICE})`);
}

async function findOffice({ connection }: RegistryClient, preferred: string): Promise<string> {
  const { offices } = requireValue(await fetchWhoami(connection));
  return offices.some(({ office_id }) => office_id === preferred) ? preferred : DEFAULT_OFFICE;
}

/** Returns the emergency that the caller declares. @throws UsageError */
export function parseBreakGlass({ breakGlass }: Pick<CardOptions, "breakGlass">): MayBreakGlass {
  return breakGlass === undefined ? {} : { break_glass: parseParams(breakGlassSchema, { reason: breakGlass }) };
}

async function openOrPreviewCard<O>(
  { options, arguments: words, out, openClient }: Call<O & CardOptions>,
  plan: PlanCard<O>,
  preferredOffice = DEFAULT_OFFICE,
) {
  const emergency = parseBreakGlass(options);
  const registry = await openClient();
  const { jobType, params, prepare, preview, ...planned } = await plan(registry, words, options);
  const { intent = planned.intent, risk, wait = false } = options;
  const office_id = options.office ?? (await findOffice(registry, preferredOffice));
  const wanted = { office_id, intent, jobType, params, target: "LAB_512", ...(risk === undefined ? {} : { risk }), ...emergency };
  if (!options.dryRun) {
    await prepare?.();
    return proposeCard(registry, wanted, wait, out);
  }
  const { lines, facts, exit = EXIT.ok } = await withProgress(out, "planning", () => preview(wanted));
  printDryRun(out, registry, { act: jobType, ...wanted, ...facts }, [...lines, ...formatBreakGlassLines(wanted)].join("\n"));
  throwUnlessOk(exit);
}
