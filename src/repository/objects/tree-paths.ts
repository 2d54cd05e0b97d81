import type { ObjectSource } from "./object-source.js";
import { parseTree, type TreeEntry } from "./object-text.js";

/** The longest changed path below a tree, and the number of changed paths. */
interface Reach {
  readonly longestBytes: number;
  readonly paths: number;
  readonly name: string;
  readonly below: Reach | undefined;
}

const NOTHING: Reach = { longestBytes: 0, paths: 0, name: "", below: undefined };

export interface ChangedPaths {
  readonly longestBytes: number;
  readonly longest: string;
  readonly count: number;
}

/**
 * Measures the paths that a commit adds or changes. Shared trees can have more paths than anyone could walk, so each pair of trees is measured
 * once and its result is added up.
 */
export class TreePaths {
  readonly #known = new Map<string, Promise<Reach>>();
  readonly #trees = new Map<string, Promise<TreeEntry[]>>();

  constructor(private readonly source: ObjectSource) {}

  /** The paths of `tree` that differ from `base`, the tree of the parent, or all paths without a base. */
  async measureChangedPaths(tree: string, base: string | undefined): Promise<ChangedPaths> {
    const reach = await this.#findReach(tree, base);
    const names: string[] = [];
    for (let at: Reach | undefined = reach; at !== undefined && at.name !== ""; at = at.below) names.push(at.name);
    return { longestBytes: reach.longestBytes, longest: names.join("/"), count: reach.paths };
  }

  #findReach(tree: string, base: string | undefined): Promise<Reach> {
    if (tree === base) return Promise.resolve(NOTHING);
    const key = `${tree}:${base ?? ""}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reach = this.#measure(tree, base);
    this.#known.set(key, reach);
    return reach;
  }

  async #measure(tree: string, base: string | undefined): Promise<Reach> {
    const [entries, baseEntries] = await Promise.all([this.#readEntries(tree), base === undefined ? [] : this.#readEntries(base)]);
    const before = new Map(baseEntries.map((entry) => [entry.name, entry]));
    let longest = NOTHING;
    let paths = 0;
    for (const entry of entries) {
      const old = before.get(entry.name);
      if (old !== undefined && old.id === entry.id && old.isTree === entry.isTree) continue;
      const below = entry.isTree ? await this.#findReach(entry.id, old?.isTree ? old.id : undefined) : undefined;
      const longestBytes = entry.nameBytes + (below === undefined || below.longestBytes === 0 ? 0 : 1 + below.longestBytes);
      paths += 1 + (below?.paths ?? 0);
      if (longestBytes > longest.longestBytes) longest = { longestBytes, paths: 0, name: entry.name, below };
    }
    return { ...longest, paths };
  }

  #readEntries(tree: string): Promise<TreeEntry[]> {
    const known = this.#trees.get(tree);
    if (known !== undefined) return known;
    const entries = this.source.read(tree).then((object) => parseTree(object.bytes));
    this.#trees.set(tree, entries);
    return entries;
  }
}
