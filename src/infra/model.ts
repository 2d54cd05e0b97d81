import { findNodeAtLocation, type Node, parseTree } from "jsonc-parser";
import type { z } from "zod";
import { decodeUtf8 } from "../domain/bytes/utf8.js";
import type { Result } from "../domain/result.js";
import { createLocator, findJsonProblem, indentNode, type TextProblem } from "./located-json.js";
import { type RepoEntry, registrySchema, SCHEMA_VERSION } from "./registry-schema.js";

/** One org; the owner of `telemetry_repo` (`<org>/<repo>`) is the org itself. */
export interface OrgEntry {
  readonly telemetry_repo: string;
  readonly repos: ReadonlyMap<string, RepoEntry>;
}

/** A registry that keeps every rule, with the text that it was parsed from and the text's syntax tree. */
export interface InfraRegistry {
  readonly orgs: ReadonlyMap<string, OrgEntry>;
  readonly text: string;
  readonly document: Node;
}

/** A problem of the file: the member's path (`orgs.acme.repos.site.state`, or `` for the whole) and its place. */
export interface RegistryProblem extends TextProblem {
  readonly path: string;
  readonly rule: "registry-syntax" | "registry-schema" | "telemetry-ownership" | "name-twins";
}

/** Larger files are refused unread. */
const REGISTRY_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Parses `infra/telemetry-registry.v2.json`, or names every problem with line, column and path. A registry that routes an org's telemetry
 * into another org does not parse. Source: infra registry v2.
 */
export function parseRegistry(input: string | Uint8Array): Result<InfraRegistry, { problems: readonly RegistryProblem[] }> {
  const refuseFile = (problem: TextProblem) => ({ ok: false, problems: [{ rule: "registry-syntax", path: "", ...problem }] }) as const;
  if (input.length > REGISTRY_MAX_BYTES)
    return refuseFile({ line: 1, column: 1, message: `The file has more than ${REGISTRY_MAX_BYTES} bytes.` });
  const text = typeof input === "string" ? input : decodeUtf8(input);
  if (text === undefined) return refuseFile({ line: 1, column: 1, message: "The file is not UTF-8; save it as UTF-8." });
  const problem = findJsonProblem(text);
  if (problem !== undefined) return refuseFile(problem);
  const document = parseTree(text);
  if (document === undefined) throw new Error("Strict JSON has no syntax tree; this is a bug.");
  const parsed = registrySchema.safeParse(JSON.parse(text));
  const places = parsed.success ? checkDocumentRules(document) : parsed.error.issues.flatMap(toPlaces);
  if (!parsed.success || places.length > 0) {
    const locate = createLocator(text);
    return { ok: false, problems: places.map((place) => toRegistryProblem(locate, document, place)) };
  }
  return { ok: true, value: { orgs: orderOrgs(document, parsed.data.orgs), text, document } };
}

/** Parses a text that this code wrote. @throws if it breaks a rule, which is a bug. */
export function parseOwnRegistry(text: string): InfraRegistry {
  const parsed = parseRegistry(text);
  if (parsed.ok) return parsed.value;
  throw new Error(`A command has made a registry that breaks its rules: ${parsed.problems.map(({ message }) => message).join(" ")}`);
}

/** A registry without any org, as `ogr infra init` writes it. */
export function createEmptyRegistry(): InfraRegistry {
  return parseOwnRegistry(JSON.stringify({ schema_version: SCHEMA_VERSION, orgs: {} }));
}

/** The text of the file: order and spelling as found, an indent of two spaces, a final newline. */
export function formatRegistry({ text, document }: InfraRegistry): string {
  return `${indentNode(text, document)}\n`;
}

/** The orgs and repositories in the order of the text; a plain object puts names like `42` first. */
function orderOrgs(document: Node, orgs: z.infer<typeof registrySchema>["orgs"]): InfraRegistry["orgs"] {
  const entries = listMembers(findNodeAtLocation(document, ["orgs"])).flatMap(({ name: org, value }) => {
    const entry = orgs[org];
    if (entry === undefined) return [];
    const repos = listMembers(findNodeAtLocation(value, ["repos"])).flatMap(({ name: repo }) => {
      const found = entry.repos[repo];
      return found === undefined ? [] : ([[repo, found]] as const);
    });
    return [[org, { telemetry_repo: entry.telemetry_repo, repos: new Map(repos) }] as const];
  });
  return new Map(entries);
}

function listMembers(node: Node | undefined): { readonly name: string; readonly value: Node }[] {
  const members = node?.type === "object" ? (node.children ?? []) : [];
  return members.flatMap(({ children: [name, value] = [] }) =>
    name === undefined || value === undefined ? [] : [{ name: String(name.value), value }],
  );
}

interface ProblemPlace {
  readonly rule: RegistryProblem["rule"];
  readonly path: readonly string[];
  readonly message: string;
  /** The member's name is wrong, not its value. */
  readonly isAboutName?: boolean;
}

/** Checks the rules that a schema cannot express: telemetry stays in its org, and names differ by more than their case. */
function checkDocumentRules(document: Node): ProblemPlace[] {
  const orgs = listMembers(findNodeAtLocation(document, ["orgs"]));
  const places = listNameTwins(orgs, ["orgs"]);
  for (const { name: org, value } of orgs) {
    const telemetry = String(findNodeAtLocation(value, ["telemetry_repo"])?.value);
    if (!telemetry.startsWith(`${org}/`))
      places.push({
        rule: "telemetry-ownership",
        path: ["orgs", org, "telemetry_repo"],
        message: `The telemetry of ${org} goes to ${telemetry}, which is not its own; write \`${org}/<repo>\`.`,
      });
    places.push(...listNameTwins(listMembers(findNodeAtLocation(value, ["repos"])), ["orgs", org, "repos"]));
  }
  return places;
}

function listNameTwins(members: readonly { readonly name: string }[], path: readonly string[]): ProblemPlace[] {
  const seen = new Map<string, string>();
  return members.flatMap(({ name }) => {
    const other = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    const message = `\`${name}\` differs from \`${other}\` only in its case, which forges do not tell apart; keep one of the two.`;
    return other === undefined ? [] : [{ rule: "name-twins", path: [...path, name], message, isAboutName: true }];
  });
}

function toPlaces(issue: z.core.$ZodIssue): ProblemPlace[] {
  const rule = "registry-schema";
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      rule,
      path: [...path, key],
      message: `The member \`${key}\` is not known; remove it.`,
      isAboutName: true,
    }));
  if (issue.code === "invalid_key")
    return [{ rule, path, message: issue.issues.map((inner) => inner.message).join(" "), isAboutName: true }];
  return [{ rule, path, message: issue.message }];
}

/** A missing member is reported at the object that lacks it. */
function toRegistryProblem(
  locate: ReturnType<typeof createLocator>,
  document: Node,
  { rule, path, message, isAboutName }: ProblemPlace,
): RegistryProblem {
  const parent = findNodeAtLocation(document, path.slice(0, -1));
  const node = findNodeAtLocation(document, [...path]);
  const isMissing = parent?.type === "object" && node === undefined;
  // The property begins with its name.
  const place = isAboutName ? node?.parent : (node ?? parent);
  return {
    rule,
    path: path.join("."),
    ...locate(place?.offset ?? 0),
    message: isMissing ? `The member \`${path.at(-1)}\` is missing. ${message}` : message,
  };
}
