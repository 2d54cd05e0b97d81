import { gitAnswer } from "../../client/git/git-command.js";
import { passkeyPath } from "../../passkey/location.js";
import { ownPasskeys } from "../connection/own-passkeys.js";
import { profilesPath, readProfiles } from "../connection/profiles.js";
import { type Finding, fine, looked, skipped, wrong } from "./finding.js";

/** The oldest git that bundles and indexes as this release needs it. */
const GIT_MIN = [2, 39] as const;

/** What `ogr` needs of this machine and this user. */
export async function machineFindings(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const parts = await Promise.all([gitFinding(), profilesFinding(environment), passkeysFinding(environment)]);
  return parts.flat();
}

async function gitFinding(): Promise<Finding> {
  const said = await gitAnswer(".", ["--version"]);
  const needed = GIT_MIN.join(".");
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said ?? "") ?? [];
  if (said === undefined || major === undefined) return wrong("git", "git cannot be started.", `Install git ${needed} or newer.`);
  const isNewEnough = Number(major) > GIT_MIN[0] || (Number(major) === GIT_MIN[0] && Number(minor) >= GIT_MIN[1]);
  return isNewEnough ? fine("git", said) : wrong("git", `${said} is too old.`, `Install git ${needed} or newer.`);
}

function profilesFinding(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const path = profilesPath(environment);
  return looked("profiles", "Do what the sentence says, then log in again with `ogr auth login`.", async () => {
    const { profiles } = await readProfiles(environment);
    const names = Object.keys(profiles);
    return names.length === 0
      ? skipped("profiles", "None yet; `ogr auth login` makes one.")
      : fine("profiles", `${names.join(", ")} in ${path}`);
  });
}

function passkeysFinding(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  return looked("passkeys", "Do what the sentence says, then register one with `ogr passkey register`.", async () => {
    const held = await (await ownPasskeys()).list();
    if (held.length === 0) return skipped("passkeys", "None yet; acts from L4 on need one: `ogr passkey register`.");
    return fine("passkeys", `${held.length} in ${passkeyPath(environment)}`);
  });
}
