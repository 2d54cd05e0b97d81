import { CliCommand } from "../../cli-command.js";
import { changeProfiles, readProfiles, requireProfile } from "../../connection/profiles.js";
import { UsageError } from "../../failure.js";

/** `ogr auth switch`: makes another profile current. */
export function buildAuthSwitchCommand(): CliCommand {
  return new CliCommand("switch <profile>", "make another profile current")
    .addExamples("ogr auth switch work")
    .run(async ({ arguments: [name = ""], out }) => {
      const { server, tenant_id, actor_id } = requireProfile(await readProfiles(process.env), name);
      await changeProfiles(process.env, (all) => ({ ...all, current: name }));
      out.print({ ok: true, profile: name, server, tenant_id, actor_id }, `Now ${actor_id} of ${tenant_id} at ${server} (${name}).`);
    });
}

/** `ogr auth logout`: removes a profile and its token. The token stays valid: only the registry can revoke it. */
export function buildAuthLogoutCommand(): CliCommand {
  return new CliCommand<{ readonly profile?: string }>("logout", "remove a profile and its token")
    .option("--profile <name>", "the profile to remove (default: the current one)")
    .addExamples("ogr auth logout --profile work")
    .run(async ({ options, out }) => {
      const known = await readProfiles(process.env);
      const name = options.profile ?? (process.env.OGR_PROFILE || known.current);
      if (name === null) throw new UsageError("There is no profile to log out of.");
      const { server, actor_id } = requireProfile(known, name);
      await changeProfiles(process.env, ({ current, profiles: { [name]: _, ...profiles } }) => ({
        current: current === name ? null : current,
        profiles,
      }));
      out.print(
        { ok: true, profile: name, server },
        `The profile ${name} (${actor_id} at ${server}) is removed; its token is still valid.`,
      );
    });
}
