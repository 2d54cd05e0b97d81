import { EMPTY_TREE } from "../domain/git/git-id.js";
import { toRepoPrefix } from "../domain/storage-key.js";

/** Identifies one repository of the store. */
export interface RepositoryName {
  readonly tenant_id: string;
  readonly project_id: string;
}

/** Returns the keys of the files of a bare repository. Source: ADR-002 §5, gitrepository-layout(5). */
export function toRepositoryKeys({ tenant_id, project_id }: RepositoryName) {
  const prefix = toRepoPrefix(tenant_id, project_id);
  return {
    head: `${prefix}/HEAD`,
    config: `${prefix}/config`,
    refsKeep: `${prefix}/refs/.keep`,
    objectsKeep: `${prefix}/objects/.keep`,
    emptyTree: `${prefix}/objects/${EMPTY_TREE.slice(0, 2)}/${EMPTY_TREE.slice(2)}`,
    packedRefs: `${prefix}/packed-refs`,
    packs: `${prefix}/objects/pack/`,
    pack: (hash: string) => `${prefix}/objects/pack/pack-${hash}.pack`,
    index: (hash: string) => `${prefix}/objects/pack/pack-${hash}.idx`,
  };
}
