import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeAbandonedUploads, UPLOAD_FOLDER } from "../../src/api/staging/abandoned-uploads.js";

const TWO_HOURS_S = 7_200;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-abandoned-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("the next start removes the uploads of a killed api, and keeps running uploads and other files", async () => {
  const now = Date.now();
  for (const name of [`${UPLOAD_FOLDER}old`, `${UPLOAD_FOLDER}new`, "another-old"]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "bytes"), "half of it");
    if (name.endsWith("old")) await utimes(join(folder, name), now / 1000 - TWO_HOURS_S, now / 1000 - TWO_HOURS_S);
  }
  expect(await removeAbandonedUploads(now, folder)).toBe(1);
  expect((await readdir(folder)).sort()).toEqual(["another-old", `${UPLOAD_FOLDER}new`]);
});
