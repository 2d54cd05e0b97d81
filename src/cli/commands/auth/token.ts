import type { Command } from "commander";
import { addExamples, addServerOptions, buildCommand } from "../../build-command.js";
import { type ConnectionOptions, resolveConnection } from "../../connection/connection.js";

/** `ogr auth token`: prints the token for another program. No other command prints it. */
export function buildAuthTokenCommand(): Command {
  const command = addServerOptions(
    buildCommand<ConnectionOptions>("token", "print the token that commands use", async ({ options, out }) => {
      const { connection } = await resolveConnection(options, process.env);
      out.print({ server: connection.server, token: connection.token }, connection.token ?? "");
    }),
  );
  return addExamples(command, 'curl -H "Authorization: Bearer $(ogr auth token)" http://127.0.0.1:7450/v1/whoami');
}
