import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface StackSecrets {
  object_store_user: string;
  object_store_password: string;
  postgres_password: string;
}

/** Returns the random root credentials of this data folder's servers. They are created once, in a file that only its owner can read. */
export async function ensureSecrets(dataDir: string): Promise<StackSecrets> {
  const path = join(dataDir, "secrets.json");
  const generated: StackSecrets = {
    object_store_user: randomBytes(10).toString("hex"),
    object_store_password: randomBytes(20).toString("hex"),
    postgres_password: randomBytes(20).toString("hex"),
  };
  await mkdir(dataDir, { recursive: true });
  try {
    await writeFile(path, JSON.stringify(generated), { mode: 0o600, flag: "wx" });
    return generated;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  await chmod(path, 0o600);
  return JSON.parse(await readFile(path, "utf8")) as StackSecrets;
}
