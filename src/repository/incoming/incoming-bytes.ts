import { open } from "node:fs/promises";

/** Pushed bytes whose hash was checked, in memory or, if large, in a file in the act's scratch folder. */
export type IncomingBytes = { readonly bytes: Buffer } | { readonly path: string; readonly sizeBytes: number };

export function countIncomingBytes(incoming: IncomingBytes): number {
  return "bytes" in incoming ? incoming.bytes.length : incoming.sizeBytes;
}

/** Reads the first `maxBytes`, or all bytes if there are fewer. */
export async function readBeginning(incoming: IncomingBytes, maxBytes: number): Promise<Buffer> {
  if ("bytes" in incoming) return incoming.bytes.subarray(0, maxBytes);
  const file = await open(incoming.path, "r");
  try {
    const start = Buffer.alloc(Math.min(maxBytes, incoming.sizeBytes));
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Returns the bytes from an offset on, as input for git. */
export function toGitInput(incoming: IncomingBytes, offsetBytes = 0): Uint8Array | { path: string; offsetBytes: number } {
  return "bytes" in incoming ? incoming.bytes.subarray(offsetBytes) : { path: incoming.path, offsetBytes };
}
