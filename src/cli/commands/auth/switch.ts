import type { Command } from "commander";
import { changeProfiles, profileNamed, readProfiles } from "../../connection/profiles.js";
import { leaf, withExamples } from "../../leaf.js";

/** `ogr auth switch`: makes another profile the current one. */
export function authSwitch(): Command {
  const command = leaf("switch <profile>", "use another profile from now on", async ({ arguments: [name = ""], out }) => {
    const { server, tenant_id, actor_id } = profileNamed(await readProfiles(process.env), name);
    await changeProfiles(process.env, (all) => ({ ...all, current: name }));
    out.print({ ok: true, profile: name, server, tenant_id, actor_id }, `Now ${actor_id} of ${tenant_id} at ${server} (${name}).`);
  });
  return withExamples(command, "ogr auth switch work");
}
