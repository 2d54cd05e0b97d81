import { existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { parseWith } from "../../domain/problems.js";
import { readJsonFile, writePrivateJson } from "../../process/private-file.js";
import { resolveSourceFile } from "../../process/source-files.js";

const stateSchema = z.object({
  api_url: z.string(),
  actors: z.array(z.object({ tenant_id: z.string(), actor_id: z.string(), display_name: z.string(), token: z.string() })),
});
export type StackState = z.infer<typeof stateSchema>;

/** A clone keeps its data in itself. npm replaces an installed package whole, so its data goes to the user's state folder. */
function resolveOwnPath(name: string): string {
  if (existsSync(resolveSourceFile("src"))) return resolveSourceFile(join(".ogr", name));
  return join(process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"), "ogr", name);
}

/** The data folders of `ogr dev` and `ogr demo`. */
export const resolveDevFolder = (): string => resolveOwnPath("dev");
export const resolveDemoFolder = (): string => resolveOwnPath("demo");

const resolveStatePath = (): string => resolveOwnPath("dev-state.json");

/** Writes the address of this clone's development registry to a file (mode 0600) that lasts as long as this process. */
export async function announceState(api_url: string, people: Readonly<StackState["actors"]>): Promise<void> {
  const actors = people.map(({ tenant_id, actor_id, display_name, token }) => ({ tenant_id, actor_id, display_name, token }));
  await writePrivateJson(resolveStatePath(), { api_url, actors } satisfies StackState);
  process.once("exit", () => rmSync(resolveStatePath(), { force: true }));
}

/** Returns this clone's development registry; `undefined` if none runs. */
export async function readStackState(): Promise<StackState | undefined> {
  const parsed = parseWith(stateSchema, await readJsonFile(resolveStatePath()));
  return parsed.ok ? parsed.value : undefined;
}
