import { tryGit } from "../../client/git/git-command.js";
import { resolvePasskeyPath } from "../../passkey/location.js";
import { openOwnPasskeys } from "../connection/own-passkeys.js";
import { readProfiles, resolveProfilesPath } from "../connection/profiles.js";
import { buildOkFinding, buildProblemFinding, buildSkippedFinding, type DoctorFinding, runCheck } from "./finding.js";

/** The oldest supported git. */
const GIT_MIN = [2, 39] as const;

/** Checks what `ogr` needs on this machine. */
export async function checkMachine(environment: NodeJS.ProcessEnv): Promise<readonly DoctorFinding[]> {
  const parts = await Promise.all([checkGit(), checkProfiles(environment), checkPasskeys(environment)]);
  return parts.flat();
}

async function checkGit(): Promise<DoctorFinding> {
  const said = await tryGit(".", ["--version"]);
  const needed = GIT_MIN.join(".");
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said ?? "") ?? [];
  if (said === undefined || major === undefined)
    return buildProblemFinding("git", "git cannot be started.", `Install git ${needed} or newer.`);
  const isNewEnough = Number(major) > GIT_MIN[0] || (Number(major) === GIT_MIN[0] && Number(minor) >= GIT_MIN[1]);
  return isNewEnough ? buildOkFinding("git", said) : buildProblemFinding("git", `${said} is too old.`, `Install git ${needed} or newer.`);
}

function checkProfiles(environment: NodeJS.ProcessEnv): Promise<readonly DoctorFinding[]> {
  const path = resolveProfilesPath(environment);
  return runCheck("profiles", "Follow the message, then log in again with `ogr auth login`.", async () => {
    const { profiles } = await readProfiles(environment);
    const names = Object.keys(profiles);
    return names.length === 0
      ? buildSkippedFinding("profiles", "None yet; `ogr auth login` makes one.")
      : buildOkFinding("profiles", `${names.join(", ")} in ${path}`);
  });
}

function checkPasskeys(environment: NodeJS.ProcessEnv): Promise<readonly DoctorFinding[]> {
  return runCheck("passkeys", "Follow the message, then register one with `ogr passkey register`.", async () => {
    const held = await (await openOwnPasskeys()).list();
    if (held.length === 0) return buildSkippedFinding("passkeys", "None yet; approvals from L4 on need one: `ogr passkey register`.");
    return buildOkFinding("passkeys", `${held.length} in ${resolvePasskeyPath(environment)}`);
  });
}
