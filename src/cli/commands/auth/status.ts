import type { Connection } from "../../../client/http/http.js";
import { RegistryFault } from "../../../client/http/problem.js";
import { fetchWhoami } from "../../../client/http/registry-client.js";
import { CliCommand } from "../../cli-command.js";
import { type ConnectionOptions, resolveConnection } from "../../connection/connection.js";
import { readProfiles } from "../../connection/profiles.js";
import { EXIT, toExitCode } from "../../exit-codes.js";
import { throwUnlessOk } from "../../outcome.js";

const PATIENCE_MS = 10_000;

/** `ogr auth status`: shows the caller and the registry that commands would use, whether the registry agrees, and the profiles. */
export function buildAuthStatusCommand(): CliCommand {
  return new CliCommand<ConnectionOptions>("status", "show who you are and which registry you use")
    .addServerOptions()
    .addExamples("ogr auth status", "ogr auth status --profile work --json")
    .run(async ({ options, out }) => {
      const { connection, origin } = await resolveConnection(options, process.env);
      const { current, profiles } = await readProfiles(process.env);
      const { exit, ...status } = await fetchConnectionStatus({ ...connection, timeoutMs: PATIENCE_MS });
      const others = Object.entries(profiles).map(([name, { server, tenant_id, actor_id }]) => ({
        ...{ profile: name, current: name === current },
        ...{ server, tenant_id, actor_id },
      }));
      const lines = [`${connection.server} (by ${origin})`];
      if (status.state === "ok") lines.push(`  you are   ${status.actor_id} of ${status.tenant_id}`);
      for (const { office_id, roles } of status.offices)
        lines.push(`  office    ${office_id}${roles.length === 0 ? "" : `: ${roles.join(", ")}`}`);
      if (status.why !== null) lines.push(`  ${status.state.padEnd(9)} ${status.why}`);
      for (const one of others)
        lines.push(`  profile   ${one.current ? "*" : " "} ${one.profile}: ${one.actor_id} of ${one.tenant_id} at ${one.server}`);
      out.print({ server: connection.server, origin, ...status, profiles: others }, lines.join("\n"));
      throwUnlessOk(exit);
    });
}

/** `ogr auth token`: prints the token for another program. No other command prints it. */
export function buildAuthTokenCommand(): CliCommand {
  return new CliCommand<ConnectionOptions>("token", "print the token that commands use")
    .addServerOptions()
    .addExamples('curl -H "Authorization: Bearer $(ogr auth token)" http://127.0.0.1:7450/v1/whoami')
    .run(async ({ options, out }) => {
      const { server, token } = (await resolveConnection(options, process.env)).connection;
      out.print({ server, token }, token ?? "");
    });
}

/** Without an answer of `ok`, `why` says why not. */
async function fetchConnectionStatus(connection: Connection) {
  const nobody = { tenant_id: null, actor_id: null, offices: [] };
  try {
    const answer = await fetchWhoami(connection);
    if (answer.ok) return { state: "ok", ...answer.value, why: null, exit: EXIT.ok };
    return { state: "refused", ...nobody, why: answer.problem.detail, exit: toExitCode(answer.problem.code, answer.status) };
  } catch (error) {
    if (!(error instanceof RegistryFault)) throw error;
    return { state: "unreachable", ...nobody, why: error.message, exit: EXIT.error };
  }
}
