import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ignoreAbsence } from "../../src/process/durable-file.js";

const folder = await mkdtemp(join(tmpdir(), "ogr-absence-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("ignoreAbsence returns undefined only for a path that does not exist, and rethrows every other error", async () => {
  const [file, loop] = [join(folder, "file"), join(folder, "loop")];
  await writeFile(file, "x");
  await symlink("loop", loop);
  expect((await stat(file).catch(ignoreAbsence))?.isFile()).toBe(true);
  expect(await stat(join(folder, "none")).catch(ignoreAbsence)).toBeUndefined();
  expect(await stat(join(file, "below")).catch(ignoreAbsence)).toBeUndefined();
  await expect(stat(loop).catch(ignoreAbsence)).rejects.toMatchObject({ code: "ELOOP" });
});
