import { parseRepoName, type RepoName } from "../../../infra/command.js";
import { type Difference, listDifferences } from "../../../infra/replay.js";
import { resolveContext } from "../../../infra/resolve.js";
import { CliCommand } from "../../cli-command.js";
import { EXIT } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";
import { printTable } from "../../terminal/table.js";
import { openCheckout } from "./checkout.js";
import { type ReadOptions, readChangelog, readRegistry, readRegistryAt } from "./read.js";
import { requireOutcome } from "./refused.js";

/** `ogr infra list`: lists every repository of the registry. */
export function buildInfraListCommand(): CliCommand {
  return buildReadCommand("list", "list the repositories of the registry")
    .addExamples("ogr infra list", "ogr infra list --revision v3 --json", "ogr infra list --file telemetry-registry.v2.json")
    .run(async ({ options, out }) => {
      const { registry } = await readRegistry(options);
      const rows = [...registry.orgs].flatMap(([owner, { telemetry_repo, repos }]) =>
        [...repos].map(([repo, entry]) => ({ owner, repo, ...entry, telemetry_repo })),
      );
      printTable(
        out,
        rows,
        [
          { title: "repository", format: formatRepoName },
          { title: "state", format: ({ state }) => state },
          { title: "context", format: ({ context }) => context },
          { title: "telemetry", format: ({ telemetry_repo }) => telemetry_repo },
          { title: "reason", format: ({ reason }) => reason },
        ],
        "No repository is registered.",
      );
    });
}

/** `ogr infra resolve`: shows the context of one repository, as an engine sees it. Exits with 3 if nothing may run for it. */
export function buildInfraResolveCommand(): CliCommand {
  return buildReadCommand("resolve <org/repo>", "show the infra context of a repository")
    .addExamples("ogr infra resolve acme/site", "ogr infra resolve acme/site --revision origin/main --json")
    .run(async ({ options, arguments: [name = ""], out }) => {
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
    });
}

/** `ogr infra history`: shows the changelog of all repositories or of one. */
export function buildInfraHistoryCommand(): CliCommand {
  return new CliCommand<{ readonly revision?: string }>("history [org/repo]", "show the changes of the registry, oldest first")
    .option("--revision <revision>", "a commit, tag or branch (default: the working tree)")
    .addExamples("ogr infra history", "ogr infra history acme/site --json")
    .run(async ({ options, arguments: [name], out }) => {
      const wanted = name === undefined ? undefined : requireOutcome(parseRepoName(name));
      const entries = (await readChangelog(options.revision)).filter(
        ({ owner, repo }) => wanted === undefined || (owner === wanted.owner && repo === wanted.repo),
      );
      printTable(
        out,
        entries,
        [
          { title: "time", format: ({ timestamp }) => timestamp },
          { title: "action", format: ({ action }) => action },
          { title: "repository", format: formatRepoName },
          { title: "context", format: ({ context }) => context ?? "" },
          { title: "reason", format: ({ reason = "" }) => reason },
        ],
        "No changes yet.",
      );
    });
}

/** `ogr infra diff`: shows the differences of two revisions of the registry. */
export function buildInfraDiffCommand(): CliCommand {
  return new CliCommand("diff [revisions]", "show the differences of two registries")
    .addExamples("ogr infra diff", "ogr infra diff main..HEAD", "ogr infra diff v3 --json   # with the working tree")
    .run(async ({ arguments: [range = "HEAD"], out }) => {
      const [from = "HEAD", to] = range.split("..");
      const checkout = await openCheckout(process.cwd());
      const [before, after] = [
        await readRegistryAt(checkout, from || "HEAD"),
        await readRegistryAt(checkout, range.includes("..") ? to || "HEAD" : undefined),
      ];
      const found = listDifferences(before.registry, after.registry);
      const differences = found.map(({ path, expected = null, found: now = null }) => ({
        path: formatPath(path),
        before: expected,
        after: now,
      }));
      const text = found.map(formatDifference).join("\n");
      out.print({ from: before.revision, to: after.revision, differences }, text === "" ? "The two registries are equal." : text);
    });
}

function formatDifference({ path, expected: before, found: after }: Difference): string {
  const place = formatPath(path);
  if (before === undefined) return `+ ${place}: ${after}`;
  return after === undefined ? `- ${place}: ${before}` : `~ ${place}: ${before} → ${after}`;
}

/** Every path begins with `orgs`, which is omitted. */
function formatPath(path: Difference["path"]): string {
  return path.slice(1).join(".");
}

function formatRepoName({ owner, repo }: RepoName): string {
  return `${owner}/${repo}`;
}

function buildReadCommand(signature: string, description: string): CliCommand<ReadOptions> {
  return new CliCommand<ReadOptions>(signature, description)
    .option("--file <file>", "a registry in a file, instead of this checkout's")
    .option("--revision <revision>", "a commit, tag or branch (default: the working tree)");
}
