import type { Command } from "commander";
import { parseRepoName } from "../../../infra/command.js";
import { type Difference, listDifferences } from "../../../infra/replay.js";
import { resolveContext } from "../../../infra/resolve.js";
import { addExamples, buildCommand } from "../../build-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { printTable } from "../../terminal/table.js";
import { openCheckout } from "./checkout.js";
import { type ReadOptions, readChangelog, readRegistry, readRegistryAt } from "./read.js";
import { requireOutcome } from "./refused.js";

/** `ogr infra list`: lists every repository of the registry. */
export function buildInfraListCommand(): Command {
  const command = buildReadCommand("list", "list the repositories of the registry", async ({ options, out }) => {
    const { registry } = await readRegistry(options);
    const rows = [...registry.orgs].flatMap(([owner, { telemetry_repo, repos }]) =>
      [...repos].map(([repo, entry]) => ({ owner, repo, ...entry, telemetry_repo })),
    );
    const columns = [
      { title: "repository", format: ({ owner, repo }: (typeof rows)[number]) => `${owner}/${repo}` },
      { title: "state", format: ({ state }: (typeof rows)[number]) => state },
      { title: "context", format: ({ context }: (typeof rows)[number]) => context },
      { title: "telemetry", format: ({ telemetry_repo }: (typeof rows)[number]) => telemetry_repo },
      { title: "reason", format: ({ reason }: (typeof rows)[number]) => reason },
    ];
    printTable(out, rows, columns, "No repository is registered.");
  });
  return addExamples(command, "ogr infra list", "ogr infra list --revision v3 --json", "ogr infra list --file telemetry-registry.v2.json");
}

/** `ogr infra resolve`: shows the context of one repository, as an engine sees it. Exits with 3 if nothing may run for it. */
export function buildInfraResolveCommand(): Command {
  const command = buildReadCommand(
    "resolve <org/repo>",
    "show the infra context of a repository",
    async ({ options, arguments: [name = ""], out }) => {
      const wanted = requireOutcome(parseRepoName(name));
      const { registry, revision } = await readRegistry(options);
      const { state, context, telemetry_repo } = resolveContext(registry, wanted);
      const known = state === "missing" ? "" : `, ${context}, telemetry to ${telemetry_repo}`;
      out.print(
        { ...wanted, state, context, telemetry_repo, revision },
        `${name}: ${state}${known}${revision === null ? "" : `\n  at ${revision}`}`,
      );
      if (state === "enabled") return;
      const fix = state === "missing" ? `register ${name} --context <sandbox|production>` : `enable ${name}`;
      out.remark(`Nothing may run for ${name}; fix this with: ogr infra ${fix}`);
      throw new UnsuccessfulExit(EXIT.denied);
    },
  );
  return addExamples(command, "ogr infra resolve acme/site", "ogr infra resolve acme/site --revision origin/main --json");
}

/** `ogr infra history`: shows the changelog of all repositories or of one. */
export function buildInfraHistoryCommand(): Command {
  const command = buildCommand<{ readonly revision?: string }>(
    "history [org/repo]",
    "show the changes of the registry, oldest first",
    async ({ options, arguments: [name], out }) => {
      const wanted = name === undefined ? undefined : requireOutcome(parseRepoName(name));
      const entries = (await readChangelog(options.revision)).filter(
        ({ owner, repo }) => wanted === undefined || (owner === wanted.owner && repo === wanted.repo),
      );
      type Row = (typeof entries)[number];
      const columns = [
        { title: "time", format: ({ timestamp }: Row) => timestamp },
        { title: "action", format: ({ action }: Row) => action },
        { title: "repository", format: ({ owner, repo }: Row) => `${owner}/${repo}` },
        { title: "context", format: ({ context }: Row) => context ?? "" },
        { title: "reason", format: ({ reason = "" }: Row) => reason },
      ];
      printTable(out, entries, columns, "No changes yet.");
    },
  ).option("--revision <revision>", "a commit, tag or branch (default: the working tree)");
  return addExamples(command, "ogr infra history", "ogr infra history acme/site --json");
}

/** `ogr infra diff`: shows the differences of two revisions of the registry. */
export function buildInfraDiffCommand(): Command {
  const command = buildCommand(
    "diff [revisions]",
    "show the differences of two registries",
    async ({ arguments: [range = "HEAD"], out }) => {
      const [from = "HEAD", to] = range.split("..");
      const checkout = await openCheckout(process.cwd());
      const [before, after] = [
        await readRegistryAt(checkout, from || "HEAD"),
        await readRegistryAt(checkout, range.includes("..") ? to || "HEAD" : undefined),
      ];
      const found = listDifferences(before.registry, after.registry).map(({ path, expected = null, found: now = null }) => ({
        path: path.slice(1).join("."),
        before: expected,
        after: now,
      }));
      const text = found.map(formatDifference).join("\n");
      out.print({ from: before.revision, to: after.revision, differences: found }, text === "" ? "The two registries are equal." : text);
    },
  );
  return addExamples(command, "ogr infra diff", "ogr infra diff main..HEAD", "ogr infra diff v3 --json   # with the working tree");
}

function formatDifference({
  path,
  before,
  after,
}: {
  path: string;
  before: Difference["expected"] | null;
  after: Difference["found"] | null;
}) {
  if (before === null) return `+ ${path}: ${after}`;
  return after === null ? `- ${path}: ${before}` : `~ ${path}: ${before} → ${after}`;
}

function buildReadCommand(signature: string, description: string, run: Parameters<typeof buildCommand<ReadOptions>>[2]): Command {
  return buildCommand<ReadOptions>(signature, description, run)
    .option("--file <file>", "a registry in a file, instead of this checkout's")
    .option("--revision <revision>", "a commit, tag or branch (default: the working tree)");
}
