import type { OwnPolicy } from "../../../client/charter.js";
import type { CardAsk, RegistryClient } from "../../../client/http/registry-client.js";
import { decideAct } from "../../../decision/decide-act.js";
import { type Job, summarizeJob, toCharterChange } from "../../../domain/act/job.js";
import { CHARTER_JOB_TYPES, type CharterJobType, charterChangeSchema, isCharterJobType } from "../../../domain/charter/change.js";
import type { Denial } from "../../../domain/denial.js";
import { NO_PROJECT } from "../../../domain/ids.js";
import { CardCommand, type CardPreview } from "../../card-command.js";
import { toEndExitCode } from "../../exit-codes.js";
import { UsageError } from "../../failure.js";
import { formatChangeLines } from "../../terminal/charter-change.js";
import { formatDecisionLines } from "../../terminal/decision.js";
import { parseParams } from "../../terminal/dry-run.js";
import { readJsonInput } from "../../terminal/json-file.js";
import { buildFoundingKeyOption, type CharterOptions, requireValid, walkCharter } from "./read.js";

/** The office of the default policy that changes charters. */
export const CHARTER_OFFICE = "office:registry";

/** `ogr charter propose`: opens the card of a change of the charter (L3 to L5). */
export function buildCharterProposeCommand(): CardCommand<CharterOptions> {
  return new CardCommand<CharterOptions>(
    "propose <change-file>",
    "open the card of a change of your tenant's charter; - reads standard input",
    "what this is for (default: a summary of the change)",
  )
    .addOption(buildFoundingKeyOption())
    .addExamples("ogr charter propose change.json --dry-run", 'ogr charter propose change.json --intent "Dora joins" --wait')
    .openCard(async (registry, [file = ""], options) => {
      const job = parseChangeJob(await readJsonInput("the change", file));
      return { ...job, intent: summarizeJob(job), preview: (wanted) => previewChange(registry, options, job, wanted) };
    }, CHARTER_OFFICE);
}

/** Parses a change as `ogr charter sign` takes it. @throws UsageError */
function parseChangeJob(content: unknown): Job<CharterJobType> {
  const { jobType, params } = parseParams(charterChangeSchema, content);
  if (!isCharterJobType(jobType)) throw new UsageError(`jobType: ${jobType} is not an act; write one of ${CHARTER_JOB_TYPES.join(", ")}.`);
  return { jobType, params: { ...params, project_id: NO_PROJECT } } as Job<CharterJobType>;
}

/**
 * Plans a change on the charter that this client walked itself, and asks the policy about it, as the registry will. `own` is a policy that is
 * not staged yet.
 */
export async function previewChange(
  registry: RegistryClient,
  options: CharterOptions,
  job: Job<CharterJobType>,
  { office_id, intent }: CardAsk,
  own?: OwnPolicy,
): Promise<CardPreview> {
  const { charter } = await walkCharter(registry, options, own);
  requireValid(charter);
  const { walk } = charter;
  const head = [`${summarizeJob(job)}, after version ${walk.version} of the charter`, `  intent    ${intent}`];
  const next = await walk.planNext(toCharterChange(job));
  if (!next.ok) return previewDenial(next.denial, head, { version: walk.version, planned: null });
  const { planned, policy } = next.value;
  const facts = { version: walk.version, planned };
  const lines = [...head, ...formatChangeLines(planned, job.params)];
  const decided = decideAct(
    { charter: walk.newest, policy },
    {
      act: { ...job, tenant_id: registry.tenant_id, office_id, target: "LAB_512" },
      actor_id: registry.actor_id,
      hasCard: true,
      facts: { fast_forward: null, project_exists: true, changed_paths: [], charter_level: planned.level },
      infra: "none",
      at_ms: Date.now(),
    },
  );
  if (!decided.ok) return previewDenial(decided.denial, lines, facts);
  const { level, requires, reasons } = decided.value;
  return { lines: [...lines, ...formatDecisionLines(decided.value)], facts: { ...facts, level, requires, reasons, denial: null } };
}

function previewDenial(denial: Denial, lines: readonly string[], facts: Readonly<Record<string, unknown>>): CardPreview {
  return {
    lines: [...lines, `  why not   ${denial.message} (${denial.code})`],
    facts: { ...facts, denial },
    exit: toEndExitCode("denied", denial.code),
  };
}
