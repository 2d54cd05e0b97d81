import { git, gitAnswer, gitLines } from "../../../client/git/git-command.js";
import { required } from "../../../client/http/problem.js";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { branchRef } from "../../../domain/git/ref-name.js";
import { projectIdSchema, tenantIdSchema } from "../../../domain/ids.js";
import { type Checkout, MAIN, no } from "./checkout.js";

/** Where a checkout's changes are reviewed: at a forge through git, or in a project of an Office Git Registry. */
export type Remote =
  | { readonly kind: "forge"; readonly url: string }
  | { readonly kind: "ogr"; readonly url: string; readonly tenant_id: string; readonly project_id: string };

/** The remote called `origin`; undefined where there is none. @throws InfraRefused */
export async function remoteOf({ root }: Checkout): Promise<Remote | undefined> {
  const url = await gitAnswer(root, ["remote", "get-url", "origin"]);
  if (url === undefined || !url.startsWith("ogr://")) return url === undefined ? undefined : { kind: "forge", url };
  const [tenant_id, project_id, ...rest] = url.slice("ogr://".length).split("/");
  const tenant = tenantIdSchema.safeParse(tenant_id);
  const project = projectIdSchema.safeParse(project_id);
  if (tenant.success && project.success && rest.length === 0) return { kind: "ogr", url, tenant_id: tenant.data, project_id: project.data };
  throw no("remote_missing", `The remote origin is ${url}; write ogr://<tenant>/<project>, such as ogr://T.UBL/P.infra.`);
}

/** The remote, where one is needed. @throws InfraRefused */
export async function requireRemote(checkout: Checkout): Promise<Remote> {
  const remote = await remoteOf(checkout);
  if (remote !== undefined) return remote;
  throw no("remote_missing", "There is no remote called origin; add one: git remote add origin <url>.");
}

/** The caller's registry, in the very tenant that the remote names. @throws InfraRefused */
export async function clientFor(
  { url, tenant_id }: Extract<Remote, { kind: "ogr" }>,
  client: () => Promise<RegistryClient>,
): Promise<RegistryClient> {
  const registry = await client();
  if (registry.tenant_id === tenant_id) return registry;
  throw no(
    "remote_missing",
    `The remote origin is ${url}, and ogr acts in ${registry.tenant_id} here; choose who you are in ${tenant_id}: --profile or OGR_PROFILE.`,
  );
}

/** The commit that a branch has at the remote; undefined where it has no such branch. */
export async function tipAt(
  checkout: Checkout,
  remote: Remote,
  branch: string,
  client: () => Promise<RegistryClient>,
): Promise<string | undefined> {
  const ref = branchRef(branch);
  if (remote.kind === "ogr") {
    const { refs } = required(await (await clientFor(remote, client)).project(remote.project_id));
    return refs.find(({ name }) => name === ref)?.object_id;
  }
  const [line] = await gitLines(checkout.root, ["ls-remote", "origin", ref]);
  return line?.split("\t")[0];
}

/** @throws InfraRefused unless the remote's main is in the history of HEAD */
export async function requireFresh({ root }: Checkout, main: string | undefined): Promise<void> {
  if (main === undefined || (await gitAnswer(root, ["merge-base", "--is-ancestor", main, "HEAD"])) !== undefined) return;
  throw no("base_stale", `${MAIN} has moved on: bring it here (git fetch origin), rebase this branch on it, and try again.`);
}

/** The branch's changes since main are compared with this commit; undefined where there is no main yet. */
export async function baseOf({ root }: Checkout): Promise<string | undefined> {
  for (const ref of [`refs/remotes/origin/${MAIN}`, branchRef(MAIN)]) {
    const commit = await gitAnswer(root, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
    if (commit !== undefined) return commit;
  }
  return undefined;
}

/** The commit of HEAD. @throws InfraRefused when there is none yet */
export async function headOf({ root }: Checkout): Promise<string> {
  const commit = await gitAnswer(root, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (commit === undefined) throw no("no_commits", "There is no commit yet; commit something on main first.");
  return commit;
}

/** The subjects of the commits of this branch that main has not, oldest first. */
export async function ownSubjects({ root }: Checkout, main: string | undefined): Promise<string[]> {
  return (await git(root, ["log", "--reverse", "--format=%s", "HEAD", ...(main === undefined ? [] : [`^${main}`])]))
    .split("\n")
    .filter((line) => line !== "");
}
