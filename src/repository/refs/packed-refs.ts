import { decodeUtf8 } from "../../domain/bytes/utf8.js";
import { checkStoredName } from "../../domain/git/ref-name.js";
import { GitFault } from "../git-fault.js";

/** The target of a ref. `peeled` is the commit behind an annotated tag. */
export interface RefTarget {
  readonly id: string;
  readonly peeled?: string;
}

/** All refs of a repository by their full names. */
export type Refs = ReadonlyMap<string, RefTarget>;

/** Exactly as git writes it, including the trailing space. git trusts the traits that it names and accepts no other comment. */
const HEADER = "# pack-refs with: peeled fully-peeled sorted ";
/** The flag `s` is needed because a name can contain U+2028, which is a line end in JavaScript but not in git. */
const REF_LINE = /^([0-9a-f]{40}) (refs\/[^/]+\/.+)$/s;
const PEELED_LINE = /^\^([0-9a-f]{40})$/;

/**
 * Parses `packed-refs` exactly as {@link serialisePackedRefs} writes it.
 *
 * @throws GitFault `repository_invalid` with the invalid line.
 */
export function parsePackedRefs(bytes: Uint8Array): Refs {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new GitFault("repository_invalid", "packed-refs is not UTF-8. Restore the repository from a copy.");
  const lines = text.split("\n");
  if (lines[0] !== HEADER) throw buildLineFault(1, "the header is not the one that this registry writes");
  if (lines.pop() !== "") throw buildLineFault(lines.length + 1, "the last line does not end");
  const refs = new Map<string, RefTarget>();
  let last: string | undefined;
  for (const [at, line] of lines.entries()) {
    if (at === 0) continue;
    const peeled = PEELED_LINE.exec(line)?.[1];
    if (peeled !== undefined) {
      const target = last === undefined ? undefined : refs.get(last);
      if (last === undefined || target === undefined || target.peeled !== undefined)
        throw buildLineFault(at + 1, "a peeled id without its tag");
      refs.set(last, { ...target, peeled });
      continue;
    }
    const [, id, name] = REF_LINE.exec(line) ?? [];
    if (id === undefined || name === undefined || checkRefName(name) !== undefined) throw buildLineFault(at + 1, "no ref line");
    if (last !== undefined && compareRefNames(last, name) >= 0) throw buildLineFault(at + 1, "the refs are not in order");
    refs.set(name, { id });
    last = name;
  }
  return refs;
}

/** Returns the bytes of `packed-refs`: the header, the refs in byte order, and the peeled line of each tag. */
export function serialisePackedRefs(refs: Refs): Buffer {
  const lines = [HEADER];
  for (const name of [...refs.keys()].sort(compareRefNames)) {
    const target = refs.get(name);
    if (target === undefined) continue;
    lines.push(`${target.id} ${name}`);
    if (target.peeled !== undefined) lines.push(`^${target.peeled}`);
  }
  return Buffer.from(`${lines.join("\n")}\n`, "utf8");
}

/**
 * Compares names as git does, by their UTF-8 bytes. JavaScript compares UTF-16 units, which differs beyond the basic plane. Avoids
 * encoding, because every push sorts all refs.
 */
export function compareRefNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return toByteOrder(left) - toByteOrder(right);
  }
  return a.length - b.length;
}

/** Surrogates encode the characters that sort last in UTF-8. */
function toByteOrder(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

/** Returns the problem of a full ref name such as `refs/heads/main`, or undefined. */
export function checkRefName(name: string): string | undefined {
  const rest = /^refs\/[a-z]+\/(.+)$/s.exec(name)?.[1];
  return rest === undefined ? "A ref name has the form `refs/<kind>/<name>`." : checkStoredName(rest);
}

function buildLineFault(line: number, what: string): GitFault {
  return new GitFault(
    "repository_invalid",
    `packed-refs, line ${line}: ${what}. Something else wrote it; restore the repository from a copy.`,
  );
}
