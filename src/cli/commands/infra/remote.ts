import { runGitForLines, tryGit } from "../../../client/git/git-command.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { toBranchRef } from "../../../domain/git/ref-name.js";
import { projectIdSchema, tenantIdSchema } from "../../../domain/ids.js";
import { type Checkout, MAIN, refuseInfra } from "./checkout.js";

/** Where changes are reviewed: at a forge, through git, or in a project of an Office Git Registry. */
export type Remote =
  | { readonly kind: "forge"; readonly url: string }
  | { readonly kind: "ogr"; readonly url: string; readonly tenant_id: string; readonly project_id: string };

/** Returns the remote called `origin`; undefined if there is none. @throws InfraRefused */
export async function findRemote({ root }: Checkout): Promise<Remote | undefined> {
  const url = await tryGit(root, ["remote", "get-url", "origin"]);
  if (url === undefined || !url.startsWith("ogr://")) return url === undefined ? undefined : { kind: "forge", url };
  const [tenant_id, project_id, ...rest] = url.slice("ogr://".length).split("/");
  const tenant = tenantIdSchema.safeParse(tenant_id);
  const project = projectIdSchema.safeParse(project_id);
  if (tenant.success && project.success && rest.length === 0) return { kind: "ogr", url, tenant_id: tenant.data, project_id: project.data };
  throw refuseInfra("remote_missing", `The remote origin is ${url}; use ogr://<tenant>/<project>, such as ogr://T.UBL/P.infra.`);
}

/** Returns the remote called `origin`. @throws InfraRefused if there is none */
export async function requireRemote(checkout: Checkout): Promise<Remote> {
  const remote = await findRemote(checkout);
  if (remote !== undefined) return remote;
  throw refuseInfra("remote_missing", "There is no remote called origin; add one: git remote add origin <url>.");
}

/** Opens a client in the tenant that the remote names. @throws InfraRefused */
export async function openRemoteClient(
  { url, tenant_id }: Extract<Remote, { kind: "ogr" }>,
  openClient: () => Promise<RegistryClient>,
): Promise<RegistryClient> {
  const registry = await openClient();
  if (registry.tenant_id === tenant_id) return registry;
  throw refuseInfra(
    "remote_missing",
    `The remote origin is ${url}, and ogr acts in ${registry.tenant_id}; select a profile of ${tenant_id}: --profile or OGR_PROFILE.`,
  );
}

/** Returns the tip of a branch at the remote; undefined if there is no such branch. */
export async function findRemoteTip(
  checkout: Checkout,
  remote: Remote,
  branch: string,
  openClient: () => Promise<RegistryClient>,
): Promise<string | undefined> {
  const ref = toBranchRef(branch);
  if (remote.kind === "ogr") return (await openRemoteClient(remote, openClient)).findRef(remote.project_id, ref);
  const [line] = await runGitForLines(checkout.root, ["ls-remote", "origin", ref]);
  return line?.split("\t")[0];
}

/** @throws InfraRefused unless HEAD contains the remote's main */
export async function assertFreshBase({ root }: Checkout, main: string | undefined): Promise<void> {
  if (main === undefined || (await tryGit(root, ["merge-base", "--is-ancestor", main, "HEAD"])) !== undefined) return;
  throw refuseInfra("base_stale", `${MAIN} has moved on: fetch it (git fetch origin), rebase this branch on it, and try again.`);
}

/** Finds the commit of main to compare the branch with; undefined if there is no main yet. */
export async function findBaseCommit({ root }: Checkout): Promise<string | undefined> {
  for (const ref of [`refs/remotes/origin/${MAIN}`, toBranchRef(MAIN)]) {
    const commit = await tryGit(root, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
    if (commit !== undefined) return commit;
  }
  return undefined;
}

/** Returns the commit of HEAD. @throws InfraRefused if there is none yet */
export async function readHeadCommit({ root }: Checkout): Promise<string> {
  const commit = await tryGit(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (commit === undefined) throw refuseInfra("no_commits", "There is no commit yet; commit something on main first.");
  return commit;
}

/** Lists the subjects of the branch's commits beyond main, oldest first. */
export async function listOwnSubjects({ root }: Checkout, main: string | undefined): Promise<string[]> {
  return runGitForLines(root, ["log", "--reverse", "--format=%s", "HEAD", ...(main === undefined ? [] : [`^${main}`])]);
}
