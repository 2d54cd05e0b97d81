import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A PATH and a cache that contain only the executables a test puts there. */
export interface PrivateTools {
  folder: string;
  /** Scripts on this PATH can only use shell builtins. */
  env: NodeJS.ProcessEnv;
  /** Writes a shell script to `bin/<name>` on the private PATH, or to another path below the folder. */
  writeScript(place: string, body: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createPrivateTools(): Promise<PrivateTools> {
  const folder = await mkdtemp(join(tmpdir(), "ogr-tools-"));
  return {
    folder,
    env: { PATH: join(folder, "bin"), HOME: folder, OGR_CACHE_DIR: join(folder, "cache") },
    writeScript: async (place, body) => {
      const path = join(folder, place);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `#!/bin/sh\n${body}\n`);
      await chmod(path, 0o755);
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
