import type { Command } from "commander";
import { requireValue } from "../../../client/http/problem.js";
import { archiveParamsSchema } from "../../../domain/act/job.js";
import { buildCardCommand } from "../../card-command.js";
import { EXIT } from "../../exit-codes.js";
import { parseParams } from "../../terminal/dry-run.js";

/** `ogr project archive`: opens the card that makes a project read-only (L3). */
export function buildProjectArchiveCommand(): Command {
  return buildArchivingCommand("archive", "open the card that makes a project read-only", [
    'ogr project archive P.demo --reason "Replaced by P.next" --wait',
    "ogr project archive P.demo --reason done --dry-run",
  ]);
}

/** `ogr project unarchive`: opens the card that makes it writable again (L3). */
export function buildProjectUnarchiveCommand(): Command {
  return buildArchivingCommand("unarchive", "open the card that makes an archived project writable again", [
    'ogr project unarchive P.demo --reason "A fix is needed" --wait',
  ]);
}

function buildArchivingCommand(name: "archive" | "unarchive", description: string, examples: readonly string[]): Command {
  const archived = name === "archive";
  const verb = archived ? "Archive" : "Unarchive";
  return buildCardCommand<{ readonly reason: string }>({
    signature: `${name} <project>`,
    description,
    intentHelp: "what this is for (default: the reason)",
    examples,
    addOptions: (command) => command.requiredOption("--reason <text>", "why; it stays with the project"),
    async plan(registry, [project_id = ""], { reason }) {
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
    },
  });
}
