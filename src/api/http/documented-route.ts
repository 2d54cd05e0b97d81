import { type ProblemCode, problemSchema, toHttpStatus } from "./problem.js";
import type { Route } from "./route.js";

/** Problems of every guarded route. */
const GUARDED_PROBLEMS: readonly ProblemCode[] = ["unauthenticated", "forbidden", "not_found", "share_exceeded", "overloaded"];
const COMMON_PROBLEMS: readonly ProblemCode[] = ["unavailable", "internal"];

/** Builds a route's schema for validation and for the OpenAPI document. */
export function buildRouteSchema(route: Route): object {
  const { input, group, summary, detail, answers } = route;
  return {
    tags: [group],
    summary,
    operationId: toOperationId(route),
    ...(detail === undefined ? {} : { description: detail }),
    ...(input.params === undefined ? {} : { params: input.params }),
    ...(input.query === undefined ? {} : { querystring: input.query }),
    ...(input.body === undefined ? {} : { body: input.body }),
    ...(route.access === "public" ? {} : { security: [{ token: [] }] }),
    response: { ...describeSuccesses(answers), ...describeRefusals(route) },
  };
}

export function toOperationId({ method, url }: Route): string {
  return `${method.toLowerCase()}${url.replace(/[^A-Za-z0-9]+/g, "_")}`.replace(/_+$/, "");
}

function describeSuccesses(answers: Route["answers"]): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { text, schema }]) => [
      status,
      { description: text, content: { "application/json": { schema } } },
    ]),
  );
}

/** Lists the problem codes of each status. */
function describeRefusals(route: Route): Record<string, object> {
  const { input } = route;
  const takes = input.body !== undefined || input.query !== undefined || input.params !== undefined;
  const codes = new Set<ProblemCode>([
    ...(route.problems ?? []),
    ...(takes ? (["invalid_request"] as const) : []),
    ...(input.body === undefined ? [] : (["too_large", "unsupported"] as const)),
    ...(route.access === "public" ? [] : GUARDED_PROBLEMS),
    ...COMMON_PROBLEMS,
  ]);
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) byStatus.set(toHttpStatus(code), [...(byStatus.get(toHttpStatus(code)) ?? []), code]);
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, of]) => [
        status,
        { description: of.map((code) => `\`${code}\``).join(", "), content: { "application/problem+json": { schema: problemSchema } } },
      ]),
  );
}
