import { hashCanonical } from "../bytes/canonical.js";
import { type Blake3Hex, hashBlake3Hex } from "../bytes/hash.js";
import { type Person, RECORD_KINDS, type RecordKind, type RecordValue, type RecordWrite, toRecordKey } from "./records.js";

/**
 * The records of one charter at one version. `hash` commits to all of them through a tree with two levels of sixteen nodes, ordered by
 * the BLAKE3 of each record's key, so a change of one record recomputes three small nodes, however many persons a tenant has.
 */
export class CharterState {
  readonly #kinds = new Map<RecordKind, Map<string, RecordValue>>();
  /** The person who has each passkey. */
  readonly #passkeyOwners = new Map<string, string>();
  /** The id of each record by its key in lower case. */
  readonly #ids = new Map<string, string>();
  /** The leaf of each pair of hex digits: record keys with the hashes of the records. */
  readonly #leaves = new Map<string, Map<string, Blake3Hex>>();
  /** The hashes of the leaves below each hex digit, and of the nodes below the root. */
  readonly #nodes = new Map<string, Map<string, Blake3Hex>>([["", new Map()]]);

  find<K extends RecordKind>(kind: K, id = ""): RecordValue<K> | undefined {
    return this.#kinds.get(kind)?.get(id) as RecordValue<K> | undefined;
  }

  /** Lists the records of a kind with their ids, in the order in which they were first written. */
  list<K extends RecordKind>(kind: K): readonly (readonly [id: string, value: RecordValue<K>])[] {
    return [...(this.#kinds.get(kind) ?? [])] as [string, RecordValue<K>][];
  }

  /** Lists all records, those of one kind in the order in which they were first written. */
  listAll(): RecordWrite[] {
    return RECORD_KINDS.flatMap((kind) =>
      this.list(kind).map(([id, value]) => ({ kind, ...(id === "" ? {} : { id }), value }) as RecordWrite),
    );
  }

  count(kind: RecordKind): number {
    return this.#kinds.get(kind)?.size ?? 0;
  }

  /** Finds the person who has a passkey. */
  findPasskeyOwner(credentialId: string): string | undefined {
    return this.#passkeyOwners.get(credentialId);
  }

  /** Finds the id of a record of this kind that differs from `id` at most in the case of its letters. */
  findAlike(kind: RecordKind, id: string): string | undefined {
    return this.#ids.get(toRecordKey(kind, id).toLowerCase());
  }

  /** Returns the hash of one record, or null if there is none. A change's plan binds it. */
  hashRecord(kind: RecordKind, id = ""): Blake3Hex | null {
    const value = this.find(kind, id);
    return value === undefined ? null : hashCanonical(value);
  }

  /** Writes records. Returns a function that undoes it. */
  write(writes: readonly RecordWrite[]): () => void {
    const before = writes.map(({ kind, id }) => ({ kind, id, value: this.find(kind, id) }));
    this.#replace(writes);
    return () => this.#replace(before);
  }

  #replace(writes: readonly { kind: RecordKind; id?: string | undefined; value: RecordValue | undefined }[]): void {
    const touched = new Set<string>();
    for (const { kind, id = "", value } of writes) {
      const records = this.#kinds.get(kind) ?? new Map<string, RecordValue>();
      this.#kinds.set(kind, records);
      if (kind === "person") this.#moveOwnership(id, value as Person | undefined);
      const key = toRecordKey(kind, id);
      const leaf = hashBlake3Hex(Buffer.from(key, "utf8")).slice(0, 2);
      const hashes = this.#leaves.get(leaf) ?? new Map<string, Blake3Hex>();
      this.#leaves.set(leaf, hashes);
      if (value === undefined) {
        records.delete(id);
        hashes.delete(key);
        this.#ids.delete(key.toLowerCase());
      } else {
        records.set(id, value);
        hashes.set(key, hashCanonical(value));
        this.#ids.set(key.toLowerCase(), id);
      }
      touched.add(leaf);
    }
    const root = this.#nodes.get("") ?? new Map<string, Blake3Hex>();
    for (const leaf of touched) {
      const [first = "", second = ""] = leaf;
      const node = this.#nodes.get(first) ?? new Map<string, Blake3Hex>();
      this.#nodes.set(first, node);
      setHash(node, second, this.#leaves.get(leaf));
      setHash(root, first, node);
    }
  }

  #moveOwnership(person: string, after: Person | undefined): void {
    for (const { credential_id } of this.find("person", person)?.passkeys ?? [])
      if (this.#passkeyOwners.get(credential_id) === person) this.#passkeyOwners.delete(credential_id);
    for (const { credential_id } of after?.passkeys ?? []) this.#passkeyOwners.set(credential_id, person);
  }

  get hash(): Blake3Hex {
    return hashCanonical(Object.fromEntries(this.#nodes.get("") ?? []));
  }
}

/** Sets the hash of the subtree `below`, or removes the entry if the subtree is empty. */
function setHash(node: Map<string, Blake3Hex>, name: string, below: ReadonlyMap<string, Blake3Hex> | undefined): void {
  if (below === undefined || below.size === 0) node.delete(name);
  else node.set(name, hashCanonical(Object.fromEntries(below)));
}
