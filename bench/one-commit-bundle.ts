import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** A commit and its bundle (v2, self-contained except for `parent`). */
export interface OneCommit {
  readonly id: string;
  readonly bundle: Buffer;
}

const TYPE = { commit: 1, tree: 2, blob: 3 } as const;
type ObjectType = keyof typeof TYPE;

function hashObject(type: ObjectType, body: Buffer): string {
  return createHash("sha1").update(`${type} ${body.length}\0`).update(body).digest("hex");
}

/** Encodes an object for a pack: type and size in 4 + 7·n bits, then the deflated body (gitformat-pack). */
function packObject(type: ObjectType, body: Buffer): Buffer {
  const head: number[] = [];
  let size = body.length;
  let byte = (TYPE[type] << 4) | (size & 15);
  size >>= 4;
  while (size > 0) {
    head.push(byte | 0x80);
    byte = size & 127;
    size >>= 7;
  }
  head.push(byte);
  return Buffer.concat([Buffer.from(head), deflateSync(body)]);
}

/** Builds a commit of one file without git, so that thousands of pushes are prepared in seconds. */
export function buildOneCommit(branch: string, parent: string | undefined, text: string, path = "file.txt"): OneCommit {
  const blob = Buffer.from(text);
  const tree = Buffer.concat([Buffer.from(`100644 ${path}\0`), Buffer.from(hashObject("blob", blob), "hex")]);
  const who = "Bench <bench@ogr.example> 1700000000 +0000";
  const lines = [
    `tree ${hashObject("tree", tree)}`,
    ...(parent === undefined ? [] : [`parent ${parent}`]),
    `author ${who}`,
    `committer ${who}`,
    "",
    text,
  ];
  const commit = Buffer.from(`${lines.join("\n")}\n`);
  const id = hashObject("commit", commit);
  const body = Buffer.concat([
    Buffer.from("PACK"),
    Buffer.from([0, 0, 0, 2, 0, 0, 0, 3]),
    packObject("commit", commit),
    packObject("tree", tree),
    packObject("blob", blob),
  ]);
  const pack = Buffer.concat([body, createHash("sha1").update(body).digest()]);
  const prerequisite = parent === undefined ? "" : `-${parent}\n`;
  return { id, bundle: Buffer.concat([Buffer.from(`# v2 git bundle\n${prerequisite}${id} refs/heads/${branch}\n\n`), pack]) };
}
