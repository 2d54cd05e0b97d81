import type { ResolvedInfra } from "../../domain/act/infra-context.js";
import type { Outcome } from "../../domain/denial.js";
import { toBranchRef } from "../../domain/git/ref-name.js";
import { GitFault } from "../../repository/git-fault.js";
import { type GitObject, parseCommitLinks, parseTree } from "../../repository/objects/object-text.js";
import { StoredObjects } from "../../repository/objects/stored-objects.js";
import { readRefs } from "../../repository/refs/refs-state.js";
import { type RepositoryName, toRepositoryKeys } from "../../repository/repository-key.js";
import { type ObjectStore, StorageFault } from "../../storage/ports.js";
import { REGISTRY_PATH } from "../files.js";
import { Revisions, resolveFromRegistry, type UsableRegistry } from "./revisions.js";
import type { InfraSource } from "./source.js";

const MAIN = toBranchRef("main");

/**
 * A registry on the main branch of a project here. Each resolution reads the branch's commit with one small request; the content of a
 * commit is read once.
 */
export class RegistryProject implements InfraSource {
  readonly kind = "registry";
  readonly #objects: StoredObjects;
  readonly #revisions = new Revisions();
  /** The known commits that main reaches or has reached. */
  readonly #onMain = new Set<string>();

  /** `store` needs to show this one repository only. */
  constructor(
    private readonly store: ObjectStore,
    private readonly name: RepositoryName,
  ) {
    this.#objects = new StoredObjects(store, name);
  }

  isKeptBy(tenantId: string, projectId: string): boolean {
    return tenantId === this.name.tenant_id && projectId === this.name.project_id;
  }

  async resolve(tenantId: string, projectId: string): Promise<Outcome<ResolvedInfra>> {
    const { registry, revision } = await this.#readCurrent();
    return resolveFromRegistry(this.#toQuery(tenantId, projectId), registry, this.#describePlace, revision);
  }

  async resolveAt(tenantId: string, projectId: string, revision: string): Promise<Outcome<ResolvedInfra> | undefined> {
    const registry = await readUnlessDamaged(async () => {
      const head = (await readRefs(this.store, this.name))?.refs.get(MAIN)?.id;
      return head !== undefined && (await this.#wasOnMain(head, revision)) ? this.#loadRevision(revision) : undefined;
    });
    return registry === undefined
      ? undefined
      : resolveFromRegistry(this.#toQuery(tenantId, projectId), registry, this.#describePlace, revision);
  }

  get #describePlace(): string {
    return `${REGISTRY_PATH} of ${this.name.tenant_id}/${this.name.project_id}`;
  }

  #toQuery(tenant_id: string, project_id: string) {
    const isRegistryTenant = tenant_id === this.name.tenant_id;
    return { tenant_id, project_id, isRegistryTenant, is_registry: this.isKeptBy(tenant_id, project_id) };
  }

  async #readCurrent(): Promise<{ registry: UsableRegistry; revision: string | null }> {
    let revision: string | null = null;
    const registry = await readUnlessDamaged(async (): Promise<UsableRegistry> => {
      revision = (await readRefs(this.store, this.name))?.refs.get(MAIN)?.id ?? null;
      if (revision !== null) return this.#loadRevision(revision);
      return { ok: false, problem: "the project has no main branch yet. Register it and merge a registry." };
    });
    return { registry, revision };
  }

  #loadRevision(revision: string): Promise<UsableRegistry> {
    return this.#revisions.load(revision, () => this.#readRegistryFile(revision));
  }

  async #readRegistryFile(commit: string): Promise<Uint8Array | { readonly problem: string }> {
    let id = parseCommitLinks((await this.#readObject(commit)).bytes).tree;
    for (const name of REGISTRY_PATH.split("/")) {
      const tree = await this.#readObject(id);
      const entry = tree.type === "tree" ? parseTree(tree.bytes).find((one) => one.name === name) : undefined;
      if (entry === undefined || entry.kind === "submodule")
        return { problem: `commit ${commit} has no such file. Add it by a merge into its main branch.` };
      id = entry.id;
    }
    const file = await this.#readObject(id);
    return file.type === "blob"
      ? file.bytes
      : { problem: `it is a folder at commit ${commit}. Correct it by a merge into its main branch.` };
  }

  async #readObject(id: string): Promise<GitObject> {
    const object = await this.#objects.read(id);
    if (object !== undefined) return object;
    // A listing can be older than the refs, so it proves nothing; the next attempt lists again.
    const { packs } = toRepositoryKeys(this.name);
    throw new StorageFault(
      "unavailable",
      packs,
      `${this.name.project_id} has no pack with ${id} yet; try again, or restore it from a copy.`,
    );
  }

  /** Walks main's history from `head` to the commits of earlier walks, so that every commit is read once. */
  async #wasOnMain(head: string, revision: string): Promise<boolean> {
    const ahead = [head];
    const seen = new Set<string>();
    while (ahead.length > 0) {
      const id = ahead.pop();
      if (id === undefined || seen.has(id) || this.#onMain.has(id)) continue;
      seen.add(id);
      ahead.push(...parseCommitLinks((await this.#readObject(id)).bytes).parents);
    }
    // Only a complete walk counts: one that a fault ended would hide the commits behind it.
    for (const id of seen) this.#onMain.add(id);
    return this.#onMain.has(revision);
  }
}

/** A damaged repository is an answer: it has no registry. A store that does not answer is a fault. */
async function readUnlessDamaged<T>(read: () => Promise<T>): Promise<T | Extract<UsableRegistry, { ok: false }>> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GitFault)) throw error;
    return { ok: false, problem: error.message };
  }
}
