import type { Command } from "commander";
import { addExamples, buildCommand } from "../../build-command.js";
import { changeProfiles, readProfiles, requireProfile } from "../../connection/profiles.js";

/** `ogr auth switch`: makes another profile current. */
export function buildAuthSwitchCommand(): Command {
  const command = buildCommand("switch <profile>", "make another profile current", async ({ arguments: [name = ""], out }) => {
    const { server, tenant_id, actor_id } = requireProfile(await readProfiles(process.env), name);
    await changeProfiles(process.env, (all) => ({ ...all, current: name }));
    out.print({ ok: true, profile: name, server, tenant_id, actor_id }, `Now ${actor_id} of ${tenant_id} at ${server} (${name}).`);
  });
  return addExamples(command, "ogr auth switch work");
}
