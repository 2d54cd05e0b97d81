import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../domain/json.js";
import { formatProblems, parseWith } from "../../domain/problems.js";
import { resolveConfigDirectory } from "../../passkey/location.js";
import { readPrivateFile, withPrivateFileLock, writePrivateFile } from "../../process/private-file.js";
import { UsageError } from "../failure.js";

const PROFILES_MAX = 100;

/** The profile that `ogr auth login` writes by default. */
export const DEFAULT_PROFILE = "default";

const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "A profile's name has letters, digits, `.`, `_` or `-`, such as `work`.");

/** A login to a registry as one actor. */
const profileSchema = z.strictObject({ server: z.url(), token: z.string().min(1).max(256), tenant_id: z.string(), actor_id: z.string() });
export type Profile = z.infer<typeof profileSchema>;

const contentSchema = z.strictObject({
  version: z.literal(1),
  /** The profile used by default. */
  current: nameSchema.nullable(),
  profiles: z
    .record(nameSchema, profileSchema)
    .refine((all) => Object.keys(all).length <= PROFILES_MAX, `At most ${PROFILES_MAX} profiles are kept; log out of one first.`),
});
export type Profiles = Omit<z.infer<typeof contentSchema>, "version">;

/** Returns the path of the profiles and their tokens: mode 0600 in a folder of mode 0700. */
export function resolveProfilesPath(environment: NodeJS.ProcessEnv): string {
  return join(resolveConfigDirectory(environment), "profiles.json");
}

/** Reads the user's profiles; none before the first login. @throws if others can read the file, or it is damaged */
export async function readProfiles(environment: NodeJS.ProcessEnv): Promise<Profiles> {
  const path = resolveProfilesPath(environment);
  const text = await readPrivateFile(path);
  if (text === undefined) return { current: null, profiles: {} };
  const value = parseJson(text);
  // The parser's own message can quote the file, and the file holds tokens.
  if (value === undefined) throw new Error(`${path} is not JSON; move it away and log in again.`);
  const parsed = parseWith(contentSchema, value);
  if (!parsed.ok) throw new Error(`${path} holds no profiles (${formatProblems(parsed.problems)}); move it away and log in again.`);
  return parsed.value;
}

/** Changes the profiles under a lock and replaces the file atomically. @throws UsageError for an invalid name */
export async function changeProfiles(environment: NodeJS.ProcessEnv, change: (profiles: Profiles) => Profiles): Promise<void> {
  const path = resolveProfilesPath(environment);
  await withPrivateFileLock(path, async () => {
    const parsed = parseWith(contentSchema, { version: 1, ...change(await readProfiles(environment)) });
    if (!parsed.ok) throw new UsageError(`--profile: ${parsed.problems.map(({ problem }) => problem).join(" ")}`);
    await writePrivateFile(path, `${JSON.stringify(parsed.value, null, 2)}\n`);
  });
}

/** Returns the profile of this name. @throws UsageError that lists the existing ones */
export function requireProfile({ profiles }: Profiles, name: string): Profile {
  const found = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(profiles);
  const there = names.length === 0 ? "there are none yet" : `there are ${names.join(", ")}`;
  throw new UsageError(`--profile: there is no profile ${name}; ${there}. Make it with \`ogr auth login --profile ${name}\`.`);
}
