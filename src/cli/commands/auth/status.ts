import type { Command } from "commander";
import type { Connection } from "../../../client/http/http.js";
import { RegistryFault } from "../../../client/http/problem.js";
import { whoami } from "../../../client/http/registry-client.js";
import { type ConnectionOptions, chosenConnection } from "../../connection/connection.js";
import { readProfiles } from "../../connection/profiles.js";
import { EXIT, exitOf } from "../../exit-codes.js";
import { leaf, serverOptions, withExamples } from "../../leaf.js";
import { Ended } from "../../usage.js";

const PATIENCE_MS = 10_000;

interface Standing {
  readonly state: "ok" | "refused" | "unreachable";
  readonly tenant_id: string | null;
  readonly actor_id: string | null;
  readonly offices: readonly { readonly office_id: string; readonly roles: readonly string[] }[];
  readonly why: string | null;
  readonly exit: typeof EXIT.ok | Ended["exit"];
}

/** `ogr auth status`: who every command would be, where, and whether the registry agrees; and the profiles beside. */
export function authStatus(): Command {
  const command = serverOptions(
    leaf<ConnectionOptions>("status", "show who you are, and where", async ({ options, out }) => {
      const { connection, origin } = await chosenConnection(options, process.env);
      const { current, profiles } = await readProfiles(process.env);
      const { exit, ...standing } = await standingOf({ ...connection, timeout_ms: PATIENCE_MS });
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
      if (exit !== EXIT.ok) throw new Ended(exit);
    }),
  );
  return withExamples(command, "ogr auth status", "ogr auth status --profile work --json");
}

async function standingOf(connection: Connection): Promise<Standing> {
  const nobody = { tenant_id: null, actor_id: null, offices: [] };
  try {
    const answer = await whoami(connection);
    if (answer.ok) return { state: "ok", ...answer.value, why: null, exit: EXIT.ok };
    const exit = exitOf(answer.problem.code, answer.status);
    return { state: "refused", ...nobody, why: answer.problem.detail, exit: exit === EXIT.ok ? EXIT.error : exit };
  } catch (error) {
    if (!(error instanceof RegistryFault)) throw error;
    return { state: "unreachable", ...nobody, why: error.message, exit: EXIT.error };
  }
}
