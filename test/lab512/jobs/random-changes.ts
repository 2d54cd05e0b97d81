import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { Clone } from "../../repository/real-git.js";

/** Few, so that both sides change the same path. Some need quoting, and some are folders of others. */
const PATHS = ["a.txt", "b", "b/c.txt", "d/e.txt", "d/f/g.txt", "h/e.txt", "ü ñ.txt", '-"q"\t$&.txt', "n\new"] as const;
const FOLDERS = ["b", "d", "d/f", "h"] as const;

const LINES = Array.from({ length: 12 }, (_, n) => `line ${n}`);

const path = fc.constantFrom(...PATHS);
const word = fc.constantFrom("one", "two", "three");

export type Change =
  | { readonly kind: "write"; readonly path: string; readonly word: string; readonly ending: string }
  | { readonly kind: "edit"; readonly path: string; readonly line: number; readonly word: string }
  | { readonly kind: "binary"; readonly path: string; readonly word: string }
  | { readonly kind: "link"; readonly path: string; readonly word: string }
  | { readonly kind: "submodule"; readonly path: string; readonly word: string }
  | { readonly kind: "empty"; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "chmod"; readonly path: string }
  | { readonly kind: "line ends"; readonly path: string }
  | { readonly kind: "move"; readonly path: string; readonly to: string }
  | { readonly kind: "attributes"; readonly path: string; readonly text: string };

const toKindArbitrary = <K extends Change["kind"]>(name: K) => fc.constant(name);

/** One change to a working copy. */
export const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: toKindArbitrary("write"), path, word, ending: fc.constantFrom("\n", "\r\n") }) },
  { weight: 5, arbitrary: fc.record({ kind: toKindArbitrary("edit"), path, line: fc.nat(LINES.length - 1), word }) },
  fc.record({ kind: toKindArbitrary("binary"), path, word }),
  fc.record({ kind: toKindArbitrary("link"), path, word }),
  fc.record({ kind: toKindArbitrary("submodule"), path: fc.constantFrom("a.txt", "h/e.txt", "vendor"), word }),
  fc.record({ kind: toKindArbitrary("empty"), path }),
  fc.record({ kind: toKindArbitrary("remove"), path }),
  fc.record({ kind: toKindArbitrary("chmod"), path }),
  fc.record({ kind: toKindArbitrary("line ends"), path }),
  { weight: 3, arbitrary: fc.record({ kind: toKindArbitrary("move"), path, to: path }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: toKindArbitrary("move"), path: fc.constantFrom(...FOLDERS), to: fc.constantFrom(...FOLDERS, "moved") }),
  },
  fc.record({
    kind: toKindArbitrary("attributes"),
    path: fc.constantFrom(".gitattributes", "d/.gitattributes"),
    text: fc.constantFrom("* merge=union\n", "*.txt -merge\n", "*.txt binary\n", "* conflict-marker-size=11\n", "* text=auto eol=crlf\n"),
  }),
);

/** Commits the changes on the branch that is checked out, and skips each that cannot be made there. */
export function commitChanges(clone: Clone, changes: readonly Change[], message: string): void {
  const submodules: [path: string, id: string][] = [];
  for (const one of changes) {
    if (one.kind === "submodule") submodules.push([one.path, Buffer.from(one.word.padEnd(20, "x")).toString("hex")]);
    applyChange(clone.folder, one);
  }
  clone.git("add", "-A");
  for (const [path, id] of submodules)
    if (findKindAt(clone.folder, path) === "folder" && clone.git("ls-files", "--", `:(literal)${path}`) === "")
      clone.git("update-index", "--add", "--cacheinfo", `160000,${id},${path}`);
  clone.git("commit", "-q", "--allow-empty", "-m", message);
}

function applyChange(folder: string, one: Change): void {
  const at = join(folder, one.path);
  switch (one.kind) {
    case "remove":
      if (findKindAt(folder, one.path) !== undefined) rmSync(at, { recursive: true });
      return;
    case "move":
      if (one.path === one.to || isAbove(one.path, one.to) || isAbove(one.to, one.path)) return;
      if (findKindAt(folder, one.path) !== undefined) renameSync(at, clearPath(folder, one.to));
      return;
    case "chmod":
      if (findKindAt(folder, one.path) === "file") chmodSync(at, lstatSync(at).mode ^ 0o100);
      return;
    case "edit":
    case "line ends":
      if (findKindAt(folder, one.path) === "file") writeFileSync(at, editText(readFileSync(at, "latin1"), one), "latin1");
      return;
    case "submodule":
      mkdirSync(clearPath(folder, one.path));
      return;
    case "link":
      symlinkSync(one.word, clearPath(folder, one.path));
      return;
    default:
      writeFileSync(clearPath(folder, one.path), buildText(one));
  }
}

function editText(text: string, one: Extract<Change, { kind: "edit" | "line ends" }>): string {
  if (one.kind === "line ends") return text.replace(/\r?\n/g, text.includes("\r") ? "\n" : "\r\n");
  const lines = text.split("\n");
  lines[Math.min(one.line, lines.length - 1)] = one.word;
  return lines.join("\n");
}

function buildText(one: Extract<Change, { kind: "write" | "binary" | "empty" | "attributes" }>): string {
  if (one.kind === "empty") return "";
  if (one.kind === "attributes") return one.text;
  return one.kind === "binary" ? `\0\u0001${one.word}` : [...LINES, one.path, one.word, ""].join(one.ending);
}

function isAbove(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** Removes what exists at the path, and files and links above it. Returns the full path. */
function clearPath(folder: string, path: string): string {
  const names = path.split("/");
  for (let above = 1; above < names.length; above += 1) {
    const ancestor = names.slice(0, above).join("/");
    if (findKindAt(folder, ancestor) === "file" || findKindAt(folder, ancestor) === "link") rmSync(join(folder, ancestor));
  }
  const at = join(folder, path);
  if (findKindAt(folder, path) !== undefined) rmSync(at, { recursive: true });
  mkdirSync(dirname(at), { recursive: true });
  return at;
}

/** Returns the kind of what exists at a path, or undefined. Nothing exists below a file or a link. */
function findKindAt(folder: string, path: string): "file" | "folder" | "link" | undefined {
  const above = dirname(path);
  if (above !== "." && findKindAt(folder, above) !== "folder") return undefined;
  const found = lstatSync(join(folder, path), { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.isDirectory()) return "folder";
  return found.isFile() ? "file" : "link";
}
