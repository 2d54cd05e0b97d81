import { readFile } from "node:fs/promises";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { tagReleaseParamsSchema } from "../../domain/act/job.js";
import { toBranchRef, toTagRef } from "../../domain/git/ref-name.js";
import { CardCommand } from "../card-command.js";
import { EXIT } from "../exit-codes.js";
import { UsageError } from "../failure.js";
import { parseParams } from "../terminal/dry-run.js";
import { buildBreakGlassOption } from "../terminal/option-values.js";
import { formatSize } from "../terminal/text.js";

interface ReleaseOptions {
  readonly commit: string;
  readonly notes?: string;
  readonly notesFile?: string;
}

/** `ogr release`: opens the card that tags a release (L4). */
export function buildReleaseCommand(): CardCommand<ReleaseOptions> {
  return new CardCommand<ReleaseOptions>("release <project> <tag>", "open the card that tags a release")
    .requiredOption("--commit <commit>", "a commit's full id, or a branch of the project for its tip")
    .option("--notes <text>", "the release notes")
    .option("--notes-file <path>", "the release notes, from a file")
    .addOption(buildBreakGlassOption())
    .addExamples(
      "ogr release P.demo v1.2.0 --commit main --notes-file CHANGES.md --wait",
      "ogr release P.demo v1.2.0 --commit feature/hello --dry-run",
    )
    .openCard(async (registry, [project_id = "", tag = ""], options) => {
      const commit = await resolveReleaseCommit(registry, project_id, options.commit);
      const notes = options.notesFile === undefined ? (options.notes ?? "") : await readNotes(options.notesFile);
      const params = { project_id, tag, commit, notes };
      return {
        jobType: "git.registry.tag_release",
        params,
        intent: `Release ${tag} of ${project_id}`,
        async preview({ intent }) {
          parseParams(tagReleaseParamsSchema, params);
          const is_taken = (await registry.findRef(project_id, toTagRef(tag))) !== undefined;
          return {
            lines: [
              `Release ${tag} of ${project_id}${is_taken ? ", which already exists" : ""}`,
              `  commit    ${commit}`,
              `  notes     ${notes === "" ? "none" : formatSize(Buffer.byteLength(notes))}`,
              `  intent    ${intent}`,
            ],
            facts: { is_taken },
            exit: is_taken ? EXIT.conflict : EXIT.ok,
          };
        },
      };
    });
}

async function resolveReleaseCommit(client: RegistryClient, projectId: string, wanted: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(wanted)) return wanted;
  const found = await client.findRef(projectId, toBranchRef(wanted));
  if (found !== undefined) return found;
  throw new UsageError(
    `--commit: ${wanted} is neither a full commit id nor a branch of ${projectId}; list them: ogr project show ${projectId}.`,
  );
}

async function readNotes(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`--notes-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}
