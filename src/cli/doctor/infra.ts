import { infraContextSchema } from "../../client/answers.js";
import { askRegistry, type Connection } from "../../client/http/http.js";
import { buildOkFinding, buildProblemFinding, type DoctorFinding } from "./finding.js";

/** The infra registry answers for every name, so the check asks about a project that does not exist. */
const NOBODYS_PROJECT = "P.doctor";

/** Checks that the configured infra registry resolves, and reports its revision. */
export async function checkInfraRegistry(connection: Connection, tenant_id: string): Promise<DoctorFinding> {
  const query = { tenant_id, project_id: NOBODYS_PROJECT };
  const answer = await askRegistry(connection, { method: "GET", path: "/v1/query/infra/context", query }, infraContextSchema);
  if (!answer.ok)
    return buildProblemFinding(
      "infra registry",
      answer.problem.detail,
      "Nothing runs until it resolves: see OGR_INFRA of the api, and ogr infra validate.",
    );
  const { source, revision } = answer.value;
  if (source === "none") return buildOkFinding("infra registry", "this deployment has none (OGR_INFRA=none)");
  return buildOkFinding("infra registry", `resolves at ${revision ?? "no revision"} (${source === "file" ? "a file" : "a project"})`);
}
