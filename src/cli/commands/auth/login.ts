import { text as textOf } from "node:stream/consumers";
import { isCancel, password, text } from "@clack/prompts";
import { requireValue } from "../../../client/http/problem.js";
import { fetchWhoami } from "../../../client/http/registry-client.js";
import { CliCommand } from "../../cli-command.js";
import { type ConnectionOptions, parseServerAddress, resolveServer } from "../../connection/connection.js";
import { changeProfiles, DEFAULT_PROFILE, readProfiles, resolveProfilesPath } from "../../connection/profiles.js";
import { UsageError } from "../../failure.js";
import { canAsk } from "../../terminal/consent.js";
import type { Output } from "../../terminal/output.js";

const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** `ogr auth login`: stores a token after the registry has confirmed its owner. */
export function buildAuthLoginCommand(): CliCommand {
  return new CliCommand<ConnectionOptions>("login", "store a token in a profile; reads it from the terminal or from standard input")
    .addServerOptions()
    .addExamples(
      "ogr auth login --server https://registry.example",
      "ogr auth login --server https://registry.example --profile work < token.txt",
    )
    .run(async ({ options, out }) => {
      const name = options.profile ?? (process.env.OGR_PROFILE || DEFAULT_PROFILE);
      const server = await resolveLoginServer(name, options, out);
      const { protocol, hostname } = new URL(server);
      if (protocol === "http:" && !LOCAL.test(hostname))
        out.remark(`ogr: ${server} is not encrypted, so others can read the token on its way. Use https.`);
      const token = await readToken(server, out);
      const { tenant_id, actor_id, offices } = requireValue(await fetchWhoami({ server, token }));
      await changeProfiles(process.env, ({ profiles }) => ({
        current: name,
        profiles: { ...profiles, [name]: { server, token, tenant_id, actor_id } },
      }));
      const path = resolveProfilesPath(process.env);
      out.print(
        { ok: true, profile: name, server, tenant_id, actor_id, offices, path },
        `Logged in to ${server} as ${actor_id} of ${tenant_id}.\nThe profile ${name} is now current; it is stored in ${path}.`,
      );
    });
}

/** Takes the server from --server, the profile of this name, what any command would use, or a person, in this order. */
async function resolveLoginServer(name: string, options: ConnectionOptions, out: Output): Promise<string> {
  if (options.server !== undefined) return parseServerAddress(options.server);
  const { profiles } = await readProfiles(process.env);
  const before = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (before !== undefined) return parseServerAddress(before.server);
  try {
    const { profile: _, ...rest } = options;
    return (await resolveServer(rest, { ...process.env, OGR_PROFILE: "" })).server;
  } catch (error) {
    if (!(error instanceof UsageError) || !canAsk(out)) throw error;
  }
  const answer = await text({ message: "The registry's address", placeholder: "https://registry.example", output: process.stderr });
  if (isCancel(answer)) throw new UsageError("Nothing was stored.");
  return parseServerAddress(answer);
}

async function readToken(server: string, out: Output): Promise<string> {
  const token = canAsk(out) ? await askToken(server) : (await textOf(process.stdin)).trim();
  if (token === "") throw new UsageError("Standard input holds no token; pass one, as in `ogr auth login < token.txt`.");
  if (/\s/.test(token)) throw new UsageError("Standard input holds no token: it has spaces or several lines.");
  return token;
}

async function askToken(server: string): Promise<string> {
  const answer = await password({ message: `A token of ${server}`, output: process.stderr });
  if (isCancel(answer)) throw new UsageError("Nothing was stored.");
  return answer.trim();
}
