import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";

/** Writes a file of that size, unlike any other, and answers its SHA-256. */
export async function fillFile(path: string, size_bytes: number): Promise<string> {
  const bytes = Buffer.alloc(size_bytes, randomBytes(4096));
  await writeFile(path, bytes);
  return createHash("sha256").update(bytes).digest("hex");
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}
