import { open } from "node:fs/promises";

/** Pushed bytes whose hash was checked: in memory when they are few, in a file of the act's scratch folder otherwise. */
export type IncomingBytes = { readonly bytes: Buffer } | { readonly path: string; readonly size_bytes: number };

export function incomingSize(incoming: IncomingBytes): number {
  return "bytes" in incoming ? incoming.bytes.length : incoming.size_bytes;
}

/** The first `max_bytes`, or all when there are fewer. */
export async function beginningOf(incoming: IncomingBytes, max_bytes: number): Promise<Buffer> {
  if ("bytes" in incoming) return incoming.bytes.subarray(0, max_bytes);
  const file = await open(incoming.path, "r");
  try {
    const start = Buffer.alloc(Math.min(max_bytes, incoming.size_bytes));
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** As git reads them, from an offset on. */
export function gitInput(incoming: IncomingBytes, offset_bytes = 0): Uint8Array | { path: string; offset_bytes: number } {
  return "bytes" in incoming ? incoming.bytes.subarray(offset_bytes) : { path: incoming.path, offset_bytes };
}
