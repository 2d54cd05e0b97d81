import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { requireValue } from "../../client/http/problem.js";
import type { RegistryClient } from "../../client/http/registry-client.js";
import { tagReleaseParamsSchema } from "../../domain/act/job.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { addExamples, buildRegistryCommand } from "../build-command.js";
import { type CardOptions, proposeCard } from "../card-outcome.js";
import { EXIT } from "../exit-codes.js";
import { parseParams, printDryRun } from "../terminal/dry-run.js";
import { addCardOptions } from "../terminal/option-values.js";
import { formatSize } from "../terminal/text.js";
import { UnsuccessfulExit, UsageError } from "../usage.js";

interface ReleaseOptions extends CardOptions {
  readonly commit: string;
  readonly notes?: string;
  readonly notesFile?: string;
  readonly dryRun?: boolean;
}

/** `ogr release`: opens the card that tags a release (L4). */
export function buildReleaseCommand(): Command {
  const command = buildRegistryCommand<ReleaseOptions>(
    "release <project> <tag>",
    "open the card that tags a release",
    async ({ options, arguments: [project_id = "", tag = ""], out, openClient }) => {
      const registry = await openClient();
      const commit = await resolveReleaseCommit(registry, project_id, options.commit);
      const notes = options.notesFile === undefined ? (options.notes ?? "") : await readNotes(options.notesFile);
      const { office: office_id, intent = `Release ${tag} of ${project_id}`, wait = false } = options;
      const params = { project_id, tag, commit, notes };
      const wanted = { office_id, intent, jobType: "git.registry.tag_release", params, target: "LAB_512" };
      if (!options.dryRun) return proposeCard(registry, wanted, wait, out);
      parseParams(tagReleaseParamsSchema, params);
      const { releases } = requireValue(await registry.readProject(project_id));
      const is_taken = releases.some((one) => one.tag === tag);
      const text = [
        `Release ${tag} of ${project_id}${is_taken ? ", which is there already" : ""}`,
        `  commit    ${commit}`,
        `  notes     ${notes === "" ? "none" : formatSize(Buffer.byteLength(notes))}`,
        `  intent    ${intent}`,
      ];
      printDryRun(out, registry, { act: wanted.jobType, is_taken, ...wanted }, text.join("\n"));
      if (is_taken) throw new UnsuccessfulExit(EXIT.conflict);
    },
  )
    .requiredOption("--commit <commit>", "a commit's full id, or a branch of the project whose tip is meant")
    .option("--notes <text>", "the release notes")
    .option("--notes-file <path>", "the release notes, from a file");
  return addExamples(
    addCardOptions(command),
    "ogr release P.demo v1.2.0 --commit main --notes-file CHANGES.md --wait",
    "ogr release P.demo v1.2.0 --commit feature/hello --dry-run",
  );
}

async function resolveReleaseCommit(client: RegistryClient, projectId: string, wanted: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(wanted)) return wanted;
  const { refs } = requireValue(await client.readProject(projectId));
  const found = refs.find((one) => one.name === toBranchRef(wanted));
  if (found !== undefined) return found.object_id;
  const branches = refs.map((one) => one.name).filter((name) => name.startsWith("refs/heads/"));
  throw new UsageError(
    `--commit: ${wanted} is neither a full commit id nor a branch of ${projectId}; its branches are ${branches.join(", ") || "none yet"}.`,
  );
}

async function readNotes(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`--notes-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}
