import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PublicJwk } from "../domain/bytes/signature.js";
import type { Operator } from "../domain/charter/founding.js";
import { ARCHIVED_REF } from "../domain/git/ref-name.js";
import { toCharterKey } from "../domain/storage-key.js";
import { GitFault } from "../repository/git-fault.js";
import { openLocalClone } from "../repository/local-clone.js";
import { findLastAct } from "../repository/refs/act-records.js";
import { parsePackedRefs, type Refs } from "../repository/refs/packed-refs.js";
import { Repositories } from "../repository/repositories.js";
import { toRepositoryKeys } from "../repository/repository-key.js";
import { openFolderForReading } from "../storage/directory/store.js";
import type { ObjectStore } from "../storage/ports.js";
import { Receipts } from "./act-chain.js";
import { EvidenceFiles } from "./evidence-files.js";
import { failAt, type Mismatch, requireThat, VerificationFailure } from "./failure.js";
import { ProjectObjects } from "./project-objects.js";
import { type Evidence, type VerifiedAct, verifyAct } from "./verify-act.js";
import { WalkedCharter } from "./walked-charter.js";

/** What to verify. Only the founding key is trusted. */
export interface VerificationRequest {
  /** A folder with the keys of the object store. */
  readonly folder: string;
  readonly tenant_id: string;
  /** The tenant's founding key, or the operator, whose charter has it. */
  readonly root: PublicJwk | Operator;
  /** The `jti` of one act; all acts of the tenant without it. */
  readonly act?: string | undefined;
  /** A local clone that has the act's objects in the place of the folder's. */
  readonly clone?: string | undefined;
}

/** The acts that were verified, and the first thing that does not hold. */
export interface Verification {
  readonly acts: readonly VerifiedAct[];
  readonly charter_version: number;
  readonly mismatch?: Mismatch;
}

/** Verifies acts from files alone, with no registry. Faults of the machine are thrown. */
export async function verifyFolder(request: VerificationRequest): Promise<Verification> {
  const { folder, tenant_id, root, act } = request;
  const work = await mkdtemp(join(tmpdir(), "ogr-verify-"));
  const repositories = new Repositories(work);
  const acts: VerifiedAct[] = [];
  let charter_version = 0;
  try {
    const files = new EvidenceFiles(openFolderForReading(folder));
    const charter = await walkCharters(files, tenant_id, root);
    charter_version = charter.walk.version;
    const openObjects = rememberByProject((projectId) => openProject(request, files.store, repositories, projectId));
    const evidence = { files, charter, receipts: new Receipts(files, charter), repositories, openObjects };
    const prefix = `receipts/${tenant_id}/`;
    const wanted = act === undefined ? (await files.list(prefix)).map((key) => key.slice(prefix.length)) : [act];
    requireThat(wanted.length > 0, prefix, "", "There is no receipt.");
    for (const jti of wanted) acts.push(await verifyAct(evidence, jti));
    if (act === undefined) for (const projectId of listProjects(acts)) await checkPresentRefs(evidence, tenant_id, projectId);
    return { acts, charter_version };
  } catch (error) {
    if (!(error instanceof VerificationFailure)) throw error;
    return { acts, charter_version, mismatch: error };
  } finally {
    await repositories.close();
    await rm(work, { recursive: true, force: true });
  }
}

/** Walks the tenant's charter in a folder with the keys of the object store. @throws VerificationFailure */
export function walkFolderCharter({ folder, tenant_id, root }: VerificationRequest): Promise<WalkedCharter> {
  return walkCharters(new EvidenceFiles(openFolderForReading(folder)), tenant_id, root);
}

/** Walks the tenant's charter, and first the operator's if that is where the tenant's founding key comes from. */
async function walkCharters(files: EvidenceFiles, tenantId: string, root: PublicJwk | Operator): Promise<WalkedCharter> {
  if (!("tenant_id" in root)) return walkAlone(files, tenantId, root);
  const operator = await WalkedCharter.walk(files, root.tenant_id, root.founding_jwk);
  if (tenantId === root.tenant_id) return operator;
  const tenant =
    operator.walk.state.find("tenant", tenantId) ??
    failAt(toCharterKey(root.tenant_id, operator.walk.version), "", `The operator's charter does not name ${tenantId}.`);
  return WalkedCharter.walk(files, tenantId, tenant.founding_jwk, operator);
}

/** Walks a charter without the operator's, which only the operator's own or one that names its own keys allows. */
async function walkAlone(files: EvidenceFiles, tenantId: string, foundingJwk: PublicJwk): Promise<WalkedCharter> {
  const charter = await WalkedCharter.walk(files, tenantId, foundingJwk);
  const { state, keys, version } = charter.walk;
  requireThat(
    state.count("tenant") > 0 || !keys.everLackedAny(version),
    toCharterKey(tenantId, version),
    "",
    "It names no keys of its own for some uses: pass the operator's file, from whose charter they are.",
  );
  return charter;
}

function listProjects(acts: readonly VerifiedAct[]): string[] {
  return [...new Set(acts.filter(({ receipt }) => receipt.status === "success").map(({ receipt }) => receipt.project_id))];
}

/** Checks that the branches and tags of a project are where its acts moved them. */
async function checkPresentRefs({ files, receipts, openObjects }: Evidence, tenant_id: string, project_id: string): Promise<void> {
  if ((await openObjects(project_id)) === undefined) return;
  const file = toRepositoryKeys({ tenant_id, project_id }).packedRefs;
  const bytes = await files.read(file);
  const refs = readPackedRefs(file, bytes);
  const last = findLastAct(refs) ?? failAt(file, "", "It names no last act.");
  const toLines = (some: Refs) =>
    [...some]
      .filter(([name]) => name === ARCHIVED_REF || !name.startsWith("refs/ubl/"))
      .map(([name, { id }]) => `${name} at ${id}`)
      .sort();
  const [found, wanted] = [toLines(refs), toLines(await receipts.readRefsAfter(last))];
  const wrong = found.find((line) => !wanted.includes(line)) ?? wanted.find((line) => !found.includes(line));
  requireThat(wrong === undefined, file, "", `By the receipts, it should have ${wanted.join(", ")}; ${wrong} differs.`);
}

function readPackedRefs(file: string, bytes: Uint8Array): Refs {
  try {
    return parsePackedRefs(bytes);
  } catch (error) {
    if (!(error instanceof GitFault)) throw error;
    return failAt(file, "", error.message);
  }
}

async function openProject(
  { tenant_id, clone }: VerificationRequest,
  store: ObjectStore,
  repositories: Repositories,
  project_id: string,
): Promise<ProjectObjects | undefined> {
  const name = { tenant_id, project_id };
  await repositories.ensureReady();
  const source = clone === undefined ? store : withRepositories(store, await openLocalClone(repositories.git, clone, name));
  return ProjectObjects.open(source, name, repositories);
}

/** Returns a view of `store` whose repositories are those of `clones`. */
function withRepositories(store: ObjectStore, clones: ObjectStore): ObjectStore {
  const choose = (key: string) => (key.startsWith("repos/") ? clones : store);
  return {
    ...store,
    blobs: {
      ...store.blobs,
      get: (key) => choose(key).blobs.get(key),
      stat: (key) => choose(key).blobs.stat(key),
      getToFile: (key, path) => choose(key).blobs.getToFile(key, path),
      list: (prefix) => choose(prefix).blobs.list(prefix),
    },
    pointers: { ...store.pointers, read: (key) => choose(key).pointers.read(key) },
  };
}

function rememberByProject<T>(open: (projectId: string) => Promise<T>): (projectId: string) => Promise<T> {
  const opened = new Map<string, Promise<T>>();
  return (projectId) => {
    const known = opened.get(projectId) ?? open(projectId);
    opened.set(projectId, known);
    return known;
  };
}
