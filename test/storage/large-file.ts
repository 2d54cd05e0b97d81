import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";

/** Writes a file of random bytes. Returns its SHA-256. */
export async function fillFile(path: string, sizeBytes: number): Promise<string> {
  const bytes = Buffer.alloc(sizeBytes, randomBytes(4096));
  await writeFile(path, bytes);
  return createHash("sha256").update(bytes).digest("hex");
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}
