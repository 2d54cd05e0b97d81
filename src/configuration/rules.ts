import type { FieldProblem } from "../domain/problems.js";
import { TEMPORAL_TLS_SETTINGS } from "./sections/temporal.js";

type Values = Readonly<Record<string, string>>;

/** Finds contradictions between settings that are valid one by one. */
export function checkContradictions(values: Values): FieldProblem[] {
  return [
    ...checkSetTogether(values, "OGR_TEMPORAL_CERT_FILE", "OGR_TEMPORAL_KEY_FILE"),
    ...checkSetTogether(values, "OGR_PULL_API_URL", "OGR_PULL_TOKENS_FILE"),
    ...checkTemporalTls(values),
    ...checkStoreTls(values),
    ...checkDatabaseTls(values),
  ];
}

function checkSetTogether(values: Values, one: string, other: string): FieldProblem[] {
  if ((values[one] === undefined) === (values[other] === undefined)) return [];
  const [set, missing] = values[one] === undefined ? [other, one] : [one, other];
  return [{ field: missing, problem: `Set it too: ${set} has no effect without it.` }];
}

function checkTemporalTls(values: Values): FieldProblem[] {
  const set = TEMPORAL_TLS_SETTINGS.filter((name) => values[name] !== undefined);
  if (values["OGR_TEMPORAL_TLS"] !== "false" || set.length === 0) return [];
  return [{ field: "OGR_TEMPORAL_TLS", problem: `It is \`false\`, and ${set.join(", ")} needs TLS; remove one or the other.` }];
}

function checkStoreTls(values: Values): FieldProblem[] {
  if (values["OGR_S3_CA_FILE"] === undefined || values["OGR_S3_ENDPOINT"]?.startsWith("https://") !== false) return [];
  return [{ field: "OGR_S3_CA_FILE", problem: "It needs an https:// address in OGR_S3_ENDPOINT." }];
}

/** A certificate proves nothing without verification, so any other mode of libpq contradicts it. */
function checkDatabaseTls(values: Values): FieldProblem[] {
  const address = values["DATABASE_URL"];
  if (values["OGR_DATABASE_CA_FILE"] === undefined || address === undefined) return [];
  if (!URL.canParse(address))
    return [{ field: "DATABASE_URL", problem: "With OGR_DATABASE_CA_FILE, write it as `postgresql://user:password@host:port/name`." }];
  const mode = new URL(address).searchParams.get("sslmode");
  if (mode === null || mode === "verify-full") return [];
  return [{ field: "DATABASE_URL", problem: `Its sslmode is \`${mode}\`, and OGR_DATABASE_CA_FILE needs \`verify-full\`.` }];
}
