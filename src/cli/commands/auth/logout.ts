import type { Command } from "commander";
import { addExamples, buildCommand } from "../../build-command.js";
import { changeProfiles, readProfiles, requireProfile } from "../../connection/profiles.js";
import { UsageError } from "../../failure.js";

interface LogoutOptions {
  readonly profile?: string;
}

/** `ogr auth logout`: removes a profile and its token. The token stays valid: only the registry can revoke it. */
export function buildAuthLogoutCommand(): Command {
  const command = buildCommand<LogoutOptions>("logout", "remove a profile and its token", async ({ options, out }) => {
    const known = await readProfiles(process.env);
    const name = options.profile ?? (process.env.OGR_PROFILE || known.current);
    if (name === null) throw new UsageError("There is no profile to log out of.");
    const { server, actor_id } = requireProfile(known, name);
    await changeProfiles(process.env, ({ current, profiles: { [name]: _, ...profiles } }) => ({
      current: current === name ? null : current,
      profiles,
    }));
    out.print({ ok: true, profile: name, server }, `The profile ${name} (${actor_id} at ${server}) is removed; its token is still valid.`);
  }).option("--profile <name>", "the profile to remove (default: the current one)");
  return addExamples(command, "ogr auth logout --profile work");
}
