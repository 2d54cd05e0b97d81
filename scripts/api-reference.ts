/** Writes the reference of routes into docs/api.md, between its markers: `node --import tsx scripts/api-reference.ts`. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import type { ApiDependencies } from "../src/api/dependencies.js";
import { toHttpStatus } from "../src/api/http/problem.js";
import type { Access, Route } from "../src/api/http/route.js";
import { buildRouteTable } from "../src/api/route-table.js";
import { STAGED_MAX_BYTES } from "../src/domain/staged.js";

const FILE = new URL("../docs/api.md", import.meta.url);
const [BEGIN, END] = ["<!-- routes: made by scripts/api-reference.ts -->", "<!-- end of routes -->"];

const CALLERS: Record<Access, string> = {
  public: "everyone, without a token",
  member: "members of the tenant",
  runner: "runners that pull over HTTP",
};

interface JsonShape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly items?: JsonShape;
  readonly anyOf?: readonly JsonShape[];
  readonly oneOf?: readonly JsonShape[];
}

/** Formats the route table in Markdown, with one section for each group. */
export function formatRouteReference(): string {
  const routes = listRoutes();
  const groups = [...new Set(routes.map(({ group }) => group))];
  return groups
    .map((group) =>
      formatGroup(
        group,
        routes.filter((route) => route.group === group),
      ),
    )
    .join("\n\n");
}

function formatGroup(name: string, routes: readonly Route[]): string {
  return [`## ${name[0]?.toUpperCase()}${name.slice(1)}`, ...routes.map(formatRoute)].join("\n\n");
}

/** Building the table reads the upload limit only; handlers use the other dependencies. */
function listRoutes(): readonly Route[] {
  return buildRouteTable({ stagedMaxBytes: STAGED_MAX_BYTES } as ApiDependencies);
}

function formatRoute(route: Route): string {
  const { method, url, summary, detail, access, answers, problems = [], example } = route;
  const lines = [
    `- Callers: ${CALLERS[access]}`,
    ...formatInput(route),
    ...Object.entries(answers).map(([status, { text, schema }]) => `- ${status}: ${text}${formatMembers(schema, "output", "; ")}`),
    ...(problems.length === 0 ? [] : [`- Errors: ${problems.map((code) => `\`${code}\` (${toHttpStatus(code)})`).join(", ")}`]),
  ];
  return [
    `### ${method} ${url}`,
    `${summary}.${detail === undefined ? "" : ` ${detail}`}`,
    lines.join("\n"),
    ...(example === undefined ? [] : [`\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``]),
  ].join("\n\n");
}

function formatInput({ input, takesBytes }: Route): string[] {
  const parts = [
    ...(input.query === undefined ? [] : [`- Query: ${formatMembers(input.query, "input")}`]),
    ...(input.body === undefined ? [] : [`- Body: ${formatMembers(input.body, "input") || "an empty object, or none"}`]),
  ];
  return takesBytes ? [...parts, "- Body: bytes (`application/octet-stream`)"] : parts;
}

/** Lists the names of an object's members, with a question mark after optional ones. For a union, lists those of all branches. */
function formatMembers(schema: z.ZodType, io: "input" | "output", before = ""): string {
  const shape = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" }) as JsonShape;
  const isArray = shape.type === "array";
  const branches = listBranches(isArray ? (shape.items ?? {}) : shape);
  const names = [...new Set(branches.flatMap(({ properties = {} }) => Object.keys(properties)))];
  if (names.length === 0) return "";
  const isRequired = (name: string) => branches.every(({ required = [] }) => required.includes(name));
  return `${before}${isArray ? "an array of " : ""}${names.map((name) => `\`${name}\`${isRequired(name) ? "" : "?"}`).join(", ")}`;
}

function listBranches(shape: JsonShape): readonly JsonShape[] {
  const branches = shape.anyOf ?? shape.oneOf;
  return branches === undefined ? [shape] : branches.flatMap(listBranches);
}

async function writeReference(): Promise<void> {
  const text = await readFile(FILE, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/api.md lacks the line ${BEGIN} or, after it, ${END}; add both.`);
  await writeFile(FILE, `${text.slice(0, begin)}${BEGIN}\n\n${formatRouteReference()}\n\n${text.slice(end)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await writeReference();
