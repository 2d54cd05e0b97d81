import { infraContextSchema } from "../../client/answers.js";
import { askRegistry, type Connection } from "../../client/http/http.js";
import { buildOkFinding, buildProblemFinding, type DoctorFinding } from "./finding.js";

/** The infra registry answers for every name, also for one that nobody registered: so a check asks for nobody's project. */
const NOBODYS_PROJECT = "P.doctor";

/** Whether the infra registry that the deployment is told of resolves, and at which revision. */
export async function checkInfraRegistry(connection: Connection, tenant_id: string): Promise<DoctorFinding> {
  const query = { tenant_id, project_id: NOBODYS_PROJECT };
  const answer = await askRegistry(connection, { method: "GET", path: "/v1/query/infra/context", query }, infraContextSchema);
  if (!answer.ok)
    return buildProblemFinding(
      "infra registry",
      answer.problem.detail,
      "Until it resolves nothing runs: see OGR_INFRA of the api, and ogr infra validate.",
    );
  const { source, revision } = answer.value;
  if (source === "none") return buildOkFinding("infra registry", "this deployment keeps none, and says so (OGR_INFRA=none)");
  return buildOkFinding("infra registry", `resolves at ${revision ?? "no revision"} (${source === "file" ? "a file" : "a project"})`);
}
