import type { ObjectSource } from "./object-source.js";
import { parseTree, type TreeEntry } from "./object-text.js";

/** The longest added path below a tree, and the number of added paths. */
interface Reach {
  readonly longestBytes: number;
  readonly count: number;
  readonly name: string;
  readonly below: Reach | undefined;
}

const NOTHING: Reach = { longestBytes: 0, count: 0, name: "", below: undefined };

/** The paths that a commit adds to its first parent: those that are new, or whose kind of entry changes. */
export interface AddedPaths {
  readonly longestBytes: number;
  /** The first of the longest paths, in git's order. */
  readonly longest: string;
  readonly count: number;
}

/**
 * Measures the paths that commits add, as `git log --diff-filter=AT` lists them. Shared trees can have more paths than can be walked, so
 * each pair of trees is measured once and its result is summed.
 */
export class TreePaths {
  readonly #known = new Map<string, Promise<Reach>>();
  readonly #trees = new Map<string, Promise<TreeEntry[]>>();

  constructor(private readonly source: ObjectSource) {}

  /** Measures the paths that `tree` adds to `base`, the parent's tree, or all paths without a base. */
  async measureAddedPaths(tree: string, base: string | undefined): Promise<AddedPaths> {
    const { longestBytes, count, ...reach } = await this.#findReach(tree, base);
    const names: string[] = [];
    for (let at: Pick<Reach, "name" | "below"> | undefined = reach; at !== undefined && at.name !== ""; at = at.below) names.push(at.name);
    return { longestBytes, count, longest: Buffer.from(names.join("/"), "latin1").toString("utf8") };
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
    const before = new Map(baseEntries.map((entry) => [entry.rawName, entry]));
    let longest = NOTHING;
    let count = 0;
    for (const { rawName, kind, id } of entries) {
      const found = before.get(rawName);
      const old = found?.kind === kind ? found : undefined;
      const below = kind === "tree" ? await this.#findReach(id, old?.id) : NOTHING;
      count += below.count + (old === undefined ? 1 : 0);
      const longestBytes = below.longestBytes > 0 ? rawName.length + 1 + below.longestBytes : old === undefined ? rawName.length : 0;
      if (longestBytes > longest.longestBytes) longest = { longestBytes, count: 0, name: rawName, below };
    }
    return { ...longest, count };
  }

  #readEntries(tree: string): Promise<TreeEntry[]> {
    const known = this.#trees.get(tree);
    if (known !== undefined) return known;
    const entries = this.source.read(tree).then((object) => parseTree(object.bytes));
    this.#trees.set(tree, entries);
    return entries;
  }
}
