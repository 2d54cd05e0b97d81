import type { Command } from "commander";
import type { Connection } from "../../../client/http/http.js";
import { RegistryFault } from "../../../client/http/problem.js";
import { fetchWhoami } from "../../../client/http/registry-client.js";
import { addExamples, addServerOptions, buildCommand } from "../../build-command.js";
import { type ConnectionOptions, resolveConnection } from "../../connection/connection.js";
import { readProfiles } from "../../connection/profiles.js";
import { EXIT, toExitCode } from "../../exit-codes.js";
import { UnsuccessfulExit } from "../../failure.js";

const PATIENCE_MS = 10_000;

interface ConnectionStatus {
  readonly state: "ok" | "refused" | "unreachable";
  readonly tenant_id: string | null;
  readonly actor_id: string | null;
  readonly offices: readonly { readonly office_id: string; readonly roles: readonly string[] }[];
  readonly why: string | null;
  readonly exit: typeof EXIT.ok | UnsuccessfulExit["exit"];
}

/** `ogr auth status`: shows the caller and the registry that commands would use, whether the registry agrees, and the profiles. */
export function buildAuthStatusCommand(): Command {
  const command = addServerOptions(
    buildCommand<ConnectionOptions>("status", "show who you are and which registry you use", async ({ options, out }) => {
      const { connection, origin } = await resolveConnection(options, process.env);
      const { current, profiles } = await readProfiles(process.env);
      const { exit, ...standing } = await fetchConnectionStatus({ ...connection, timeoutMs: PATIENCE_MS });
      const others = Object.entries(profiles).map(([name, { server, tenant_id, actor_id }]) => ({
        ...{ profile: name, current: name === current },
        ...{ server, tenant_id, actor_id },
      }));
      const lines = [`${connection.server} (by ${origin})`];
      if (standing.state === "ok") lines.push(`  you are   ${standing.actor_id} of ${standing.tenant_id}`);
      for (const { office_id, roles } of standing.offices)
        lines.push(`  office    ${office_id}${roles.length === 0 ? "" : `: ${roles.join(", ")}`}`);
      if (standing.why !== null) lines.push(`  ${standing.state.padEnd(9)} ${standing.why}`);
      for (const one of others)
        lines.push(`  profile   ${one.current ? "*" : " "} ${one.profile}: ${one.actor_id} of ${one.tenant_id} at ${one.server}`);
      out.print({ server: connection.server, origin, ...standing, profiles: others }, lines.join("\n"));
      if (exit !== EXIT.ok) throw new UnsuccessfulExit(exit);
    }),
  );
  return addExamples(command, "ogr auth status", "ogr auth status --profile work --json");
}

async function fetchConnectionStatus(connection: Connection): Promise<ConnectionStatus> {
  const nobody = { tenant_id: null, actor_id: null, offices: [] };
  try {
    const answer = await fetchWhoami(connection);
    if (answer.ok) return { state: "ok", ...answer.value, why: null, exit: EXIT.ok };
    const exit = toExitCode(answer.problem.code, answer.status);
    return { state: "refused", ...nobody, why: answer.problem.detail, exit: exit === EXIT.ok ? EXIT.error : exit };
  } catch (error) {
    if (!(error instanceof RegistryFault)) throw error;
    return { state: "unreachable", ...nobody, why: error.message, exit: EXIT.error };
  }
}
