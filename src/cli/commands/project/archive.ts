import { requireValue } from "../../../client/http/problem.js";
import { archiveParamsSchema } from "../../../domain/act/job.js";
import { CardCommand } from "../../card-command.js";
import { EXIT } from "../../exit-codes.js";
import { parseParams } from "../../terminal/dry-run.js";
import { buildBreakGlassOption } from "../../terminal/option-values.js";

interface ArchiveOptions {
  readonly reason: string;
}

/** `ogr project archive`: opens the card that makes a project read-only (L3). */
export function buildProjectArchiveCommand(): CardCommand<ArchiveOptions> {
  return buildArchivingCommand("archive", "open the card that makes a project read-only").addExamples(
    'ogr project archive P.demo --reason "Replaced by P.next" --wait',
    "ogr project archive P.demo --reason done --dry-run",
  );
}

/** `ogr project unarchive`: opens the card that makes it writable again (L3). */
export function buildProjectUnarchiveCommand(): CardCommand<ArchiveOptions> {
  return buildArchivingCommand("unarchive", "open the card that makes an archived project writable again").addExamples(
    'ogr project unarchive P.demo --reason "A fix is needed" --wait',
  );
}

function buildArchivingCommand(name: "archive" | "unarchive", description: string): CardCommand<ArchiveOptions> {
  const archived = name === "archive";
  const verb = archived ? "Archive" : "Unarchive";
  return new CardCommand<ArchiveOptions>(`${name} <project>`, description, "what this is for (default: the reason)")
    .requiredOption("--reason <text>", "why; it stays with the project")
    .addOption(buildBreakGlassOption())
    .openCard(async (registry, [project_id = ""], { reason }) => {
      const params = { project_id, archived, reason };
      parseParams(archiveParamsSchema, params);
      return {
        jobType: "git.registry.archive",
        params,
        intent: `${verb} ${project_id}: ${reason}`,
        async preview({ intent }) {
          const is_done = requireValue(await registry.readProject(project_id)).archived === archived;
          const already = archived ? ", which is already archived" : ", which is not archived";
          return {
            lines: [`${verb} ${project_id}${is_done ? already : ""}`, `  reason    ${reason}`, `  intent    ${intent}`],
            facts: { is_done },
            exit: is_done ? EXIT.conflict : EXIT.ok,
          };
        },
      };
    });
}
