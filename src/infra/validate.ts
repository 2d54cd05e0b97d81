import { findNodeAtLocation, type Node } from "jsonc-parser";
import { listDisagreements } from "./agreement.js";
import { findFirstRewrittenLine } from "./append-only.js";
import { type ChangelogEntry, parseChangelog } from "./changelog.js";
import { CHANGELOG_PATH, REGISTRY_PATH } from "./files.js";
import { buildFinding, type Finding } from "./finding.js";
import { createLocator } from "./located-json.js";
import { type InfraRegistry, parseRegistry } from "./model.js";
import { listDifferences, replayChangelog } from "./replay.js";

/** The two files at one revision; undefined for a file that is missing. */
export interface RegistryFiles {
  readonly registry: Buffer | undefined;
  readonly changelog: Buffer | undefined;
}

export interface ValidationInput {
  readonly head: RegistryFiles;
  /** The state of the base branch, if the registry is compared with one. */
  readonly base?: RegistryFiles & {
    /** Every path that the branch changed since it left its base. */
    readonly changedPaths: readonly string[];
    /** Whether the base branch changed the registry or its changelog since the branch left it. */
    readonly isStale: boolean;
  };
}

/** Lists every problem of a registry, in the order of the files. Source: infra registry v2, contracts "Infra registry v2". */
export function validateRegistry({ head, base }: ValidationInput): Finding[] {
  const findings: Finding[] = base === undefined ? [] : checkBranchFiles(head, base);
  if (head.registry === undefined)
    return [...findings, buildFinding(REGISTRY_PATH, "registry-missing", `There is no ${REGISTRY_PATH}; ogr infra init makes one.`)];
  const parsed = parseRegistry(head.registry);
  if (!parsed.ok)
    findings.push(
      ...parsed.problems.map(({ rule, line, column, message, path }) => ({
        ...buildFinding(REGISTRY_PATH, rule, formatPathMessage(path, message)),
        line,
        column,
      })),
    );
  const changelog = parseChangelog(head.changelog ?? "");
  if (!changelog.ok)
    findings.push(
      ...changelog.problems.map(({ line, column, message }) => ({
        ...buildFinding(CHANGELOG_PATH, "changelog-line", message),
        line,
        column,
      })),
    );
  if (!parsed.ok || !changelog.ok) return findings;
  const registry = parsed.value;
  const findPlace = createPlaceFinder(registry);
  const older = base === undefined ? {} : parseReadableFiles(base);
  const appended = older.entries && changelog.value.slice(older.entries.length);
  // If one of the base's files cannot be read, nothing shows how this branch follows from it, so the branch is judged as a whole.
  if (older.registry === undefined || appended === undefined) findings.push(...checkWholeChangelog(changelog.value, registry, findPlace));
  else findings.push(...checkAppendedLines(appended, older.registry, registry, findPlace));
  if (older.registry !== undefined) findings.push(...checkProductionImmutable(older.registry, registry, findPlace));
  return [...findings, ...checkReasons(appended ?? [])];
}

/** Checks what does not depend on the meaning of the files. */
function checkBranchFiles(head: RegistryFiles, base: NonNullable<ValidationInput["base"]>): Finding[] {
  const findings: Finding[] = [];
  if (base.isStale)
    findings.push(
      buildFinding(
        REGISTRY_PATH,
        "base-stale",
        "The base branch has changed the registry since this branch left it; rebase, and make the change again.",
      ),
    );
  else {
    const line = findFirstRewrittenLine(head.changelog ?? new Uint8Array(), base.changelog ?? new Uint8Array());
    const message = "This line of the base branch was changed or removed; restore it, and append instead.";
    if (line !== undefined) findings.push({ ...buildFinding(CHANGELOG_PATH, "changelog-append-only", message), line });
  }
  const own = [REGISTRY_PATH, CHANGELOG_PATH];
  const others = base.changedPaths.filter((path) => !own.includes(path));
  if (base.changedPaths.some((path) => own.includes(path)))
    findings.push(
      ...others.map((path) =>
        buildFinding(path, "only-registry-files", `${path} is changed together with the registry; change it in a separate branch.`),
      ),
    );
  return findings;
}

/** Parses those of the base's files that are valid. This branch may repair the others. */
function parseReadableFiles(base: RegistryFiles): { readonly registry?: InfraRegistry; readonly entries?: readonly ChangelogEntry[] } {
  const changelog = parseChangelog(base.changelog ?? "");
  const registry = base.registry === undefined ? undefined : parseRegistry(base.registry);
  return { ...(registry?.ok ? { registry: registry.value } : {}), ...(changelog.ok ? { entries: changelog.value } : {}) };
}

function checkWholeChangelog(entries: readonly ChangelogEntry[], registry: InfraRegistry, findPlace: PlaceFinder): Finding[] {
  return listDisagreements(entries, registry).map(({ line, owner, repo, message, isOlderThanChangelog }) => {
    if (line !== null) return { ...buildFinding(CHANGELOG_PATH, "changelog-agrees", message), line };
    const late = { ...buildFinding(REGISTRY_PATH, "changelog-begins-late", message), ...findPlace(["orgs", owner, "repos", repo]) };
    return isOlderThanChangelog ? { ...late, severity: "note" as const } : late;
  });
}

function checkAppendedLines(
  appended: readonly ChangelogEntry[],
  before: InfraRegistry,
  registry: InfraRegistry,
  findPlace: PlaceFinder,
): Finding[] {
  const replayed = replayChangelog(appended, before);
  if (!replayed.ok)
    return [
      {
        ...buildFinding(CHANGELOG_PATH, "changelog-agrees", `This line cannot follow the base branch: ${replayed.refusal.message}`),
        line: replayed.entry.line,
      },
    ];
  return listDifferences(replayed.value, registry).map(({ path, expected = "nothing", found = "nothing" }) => ({
    ...buildFinding(
      REGISTRY_PATH,
      "changelog-agrees",
      `By the changelog ${path.slice(1).join(".")} is ${expected}, and here it is ${found}; change it with ogr infra.`,
    ),
    ...findPlace(path),
  }));
}

/** Ignores the case of names, because a forge does. */
function checkProductionImmutable(before: InfraRegistry, registry: InfraRegistry, findPlace: PlaceFinder): Finding[] {
  const after = new Map(
    [...registry.orgs].flatMap(([org, { repos }]) => [...repos].map(([repo, entry]) => [foldName(org, repo), { org, repo, entry }])),
  );
  return [...before.orgs].flatMap(([org, { repos }]) =>
    [...repos].flatMap(([repo, entry]) => {
      const now = after.get(foldName(org, repo));
      if (entry.state !== "enabled" || entry.context !== "production" || now === undefined || now.entry.context === "production") return [];
      const message = `${org}/${repo} is enabled in production, which is immutable; unregister it in a separate change first.`;
      return [
        { ...buildFinding(REGISTRY_PATH, "production-immutable", message), ...findPlace(["orgs", now.org, "repos", now.repo, "context"]) },
      ];
    }),
  );
}

function foldName(org: string, repo: string): string {
  return `${org}/${repo}`.toLowerCase();
}

function checkReasons(appended: readonly ChangelogEntry[]): Finding[] {
  return appended
    .filter(({ reason = "" }) => reason.trim() === "")
    .map(({ line, owner, repo, action }) => ({
      ...buildFinding(
        CHANGELOG_PATH,
        "reason-missing",
        `This line does not say why ${owner}/${repo} was changed (${action}); give --reason.`,
      ),
      severity: "warning" as const,
      line,
    }));
}

type PlaceFinder = (path: readonly string[]) => { line: number; column: number };

/** Returns the function that finds the place of a member, or of the nearest one around it. */
function createPlaceFinder({ text, document }: InfraRegistry): PlaceFinder {
  const locate = createLocator(text);
  return (path) => {
    let node: Node | undefined;
    for (let depth = path.length; node === undefined && depth > 0; depth--) node = findNodeAtLocation(document, path.slice(0, depth));
    return locate((node ?? document).offset);
  };
}

function formatPathMessage(path: string, message: string): string {
  return path === "" ? message : `${path}: ${message}`;
}
