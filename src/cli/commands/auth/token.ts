import type { Command } from "commander";
import { type ConnectionOptions, chosenConnection } from "../../connection/connection.js";
import { leaf, serverOptions, withExamples } from "../../leaf.js";

/** `ogr auth token`: the token itself, for another program. No other command prints it. */
export function authToken(): Command {
  const command = serverOptions(
    leaf<ConnectionOptions>("token", "print the token that would be used", async ({ options, out }) => {
      const { connection } = await chosenConnection(options, process.env);
      out.print({ server: connection.server, token: connection.token }, connection.token ?? "");
    }),
  );
  return withExamples(command, 'curl -H "Authorization: Bearer $(ogr auth token)" http://127.0.0.1:7450/v1/whoami');
}
