import type { z } from "zod";
import { createMember, createNode, findMember, findNode, formatJson, toPlainValue } from "./json-node.js";
import { createLocator, type JsonNode, parseLocatedJson, type TextProblem } from "./located-json.js";
import { type ExecutionContext, type RepoState, registrySchema, SCHEMA_VERSION } from "./registry-schema.js";
import { decodeUtf8 } from "./utf8.js";

/** One repository of the registry. `process` and `reason` say who last changed it, and why. */
export interface RepoEntry {
  readonly state: RepoState;
  readonly context: ExecutionContext;
  readonly process: string;
  readonly reason: string;
}

/** One org; the owner of `telemetry_repo` (`<org>/<repo>`) is the org itself. */
export interface OrgEntry {
  readonly telemetry_repo: string;
  readonly repos: ReadonlyMap<string, RepoEntry>;
}

/** A registry that keeps every rule of the document, with the text's own order and spelling in `document`. */
export interface InfraRegistry {
  readonly orgs: ReadonlyMap<string, OrgEntry>;
  readonly document: JsonNode;
}

/** One thing that is wrong with the file: the member's path (`orgs.acme.repos.site.state`, or `` for the whole) and its place. */
export interface RegistryProblem extends TextProblem {
  readonly path: string;
  readonly rule: RegistryRule;
}

/** Which rule a registry breaks; the ids of `ogr infra validate` are made of them. */
export type RegistryRule = "registry-syntax" | "registry-schema" | "telemetry-ownership" | "name-twins";

export type ParsedRegistry =
  | { readonly ok: true; readonly value: InfraRegistry }
  | { readonly ok: false; readonly problems: readonly RegistryProblem[] };

/** Larger files are refused unread. */
const REGISTRY_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Parses the text of `infra/telemetry-registry.v2.json`, or names everything that is wrong with line, column and path. Ownership of the
 * telemetry repositories is part of it: a registry that routes telemetry into another org does not parse. Source: infra registry v2.
 */
export function parseRegistry(input: string | Uint8Array): ParsedRegistry {
  const text = decodeText(input);
  if (typeof text !== "string") return { ok: false, problems: [text] };
  const located = parseLocatedJson(text);
  if (!located.ok) return { ok: false, problems: [{ rule: "registry-syntax", path: "", ...located.problem }] };
  const document = located.node;
  const parsed = registrySchema.safeParse(toPlainValue(document));
  const places = parsed.success ? checkDocumentRules(document) : parsed.error.issues.flatMap(toPlaces);
  const locate = createLocator(text);
  if (places.length > 0) return { ok: false, problems: places.map((place) => toRegistryProblem(locate, document, place)) };
  return { ok: true, value: toRegistry(document) };
}

/** A registry without any org, as `ogr infra init` writes it. */
export function createEmptyRegistry(): InfraRegistry {
  const members = [createMember("schema_version", createNode(SCHEMA_VERSION)), createMember("orgs", createNode({}))];
  return toRegistry({ kind: "object", start: 0, members });
}

/** The registry of a document whose rules are known to hold. */
export function toRegistry(document: JsonNode): InfraRegistry {
  const { orgs } = registrySchema.parse(toPlainValue(document));
  const listMemberNames = (node: JsonNode | undefined) => (node?.kind === "object" ? node.members.map(({ key }) => key) : []);
  const entries = listMemberNames(findNode(document, ["orgs"])).flatMap((org) => {
    const entry = orgs[org];
    if (entry === undefined) return [];
    const repos = listMemberNames(findNode(document, ["orgs", org, "repos"])).flatMap((repo) => {
      const found = entry.repos[repo];
      return found === undefined ? [] : ([[repo, found]] as const);
    });
    return [[org, { telemetry_repo: entry.telemetry_repo, repos: new Map(repos) }] as const];
  });
  return { orgs: new Map(entries), document };
}

/** The bytes of the file: order and spelling as found, two spaces an indent, a final newline. */
export function formatRegistry(registry: InfraRegistry): string {
  return formatJson(registry.document);
}

interface ProblemPlace {
  readonly rule: RegistryRule;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The member's name is what is wrong, not its value. */
  readonly isAboutKey?: boolean;
}

/** What a schema cannot say: telemetry stays in its org, and names are told apart by more than their case. */
function checkDocumentRules(document: JsonNode): ProblemPlace[] {
  const orgs = findNode(document, ["orgs"]);
  if (orgs?.kind !== "object") return [];
  const places = listNameTwins(orgs, ["orgs"]);
  for (const { key: org, value } of orgs.members) {
    const telemetry = findMember(value, "telemetry_repo")?.value;
    if (telemetry?.kind === "scalar" && !String(telemetry.value).startsWith(`${org}/`))
      places.push({
        rule: "telemetry-ownership",
        path: ["orgs", org, "telemetry_repo"],
        message: `The telemetry of ${org} goes to ${String(telemetry.value)}, which is not its own; write \`${org}/<repo>\`.`,
      });
    const repos = findMember(value, "repos")?.value;
    if (repos !== undefined) places.push(...listNameTwins(repos, ["orgs", org, "repos"]));
  }
  return places;
}

function listNameTwins(node: JsonNode, path: readonly string[]): ProblemPlace[] {
  if (node.kind !== "object") return [];
  const seen = new Map<string, string>();
  return node.members.flatMap(({ key }) => {
    const other = seen.get(key.toLowerCase());
    seen.set(key.toLowerCase(), key);
    const message = `\`${key}\` differs from \`${other}\` only in its case, which forges do not tell apart; keep one of the two.`;
    return other === undefined ? [] : [{ rule: "name-twins", path: [...path, key], message, isAboutKey: true }];
  });
}

function toPlaces(issue: z.core.$ZodIssue): ProblemPlace[] {
  const { path } = issue;
  const rule = "registry-schema";
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      rule,
      path: [...path, key],
      message: `The member \`${key}\` is not known; remove it.`,
      isAboutKey: true,
    }));
  if (issue.code === "invalid_key")
    return [{ rule, path, message: issue.issues.map((inner) => inner.message).join(" "), isAboutKey: true }];
  return [{ rule, path, message: issue.message }];
}

/** A member that is missing is shown at the object that lacks it. */
function toRegistryProblem(
  locate: ReturnType<typeof createLocator>,
  document: JsonNode,
  { rule, path, message, isAboutKey }: ProblemPlace,
): RegistryProblem {
  const parent = findNode(document, path.slice(0, -1));
  const member = path.length === 0 ? undefined : findMember(parent, String(path.at(-1)));
  const isMissing = path.length > 0 && parent?.kind === "object" && member === undefined;
  const start = isAboutKey ? member?.key_start : (findNode(document, path) ?? parent)?.start;
  return {
    rule,
    path: path.map(String).join("."),
    ...locate(start ?? 0),
    message: isMissing ? `The member \`${String(path.at(-1))}\` is missing. ${message}` : message,
  };
}

function decodeText(input: string | Uint8Array): string | RegistryProblem {
  const buildFileProblem = (message: string): RegistryProblem => ({ rule: "registry-syntax", path: "", line: 1, column: 1, message });
  if (input.length > REGISTRY_MAX_BYTES) return buildFileProblem(`The file has more than ${REGISTRY_MAX_BYTES} bytes.`);
  if (typeof input === "string") return input;
  return decodeUtf8(input) ?? buildFileProblem("The file is not UTF-8; save it as UTF-8.");
}
