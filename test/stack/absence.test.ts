import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { ignoreAbsence } from "../../src/stack/absence.js";

const folder = await mkdtemp(join(tmpdir(), "ogr-absence-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

it("only a path where nothing is counts as absent", async () => {
  const [file, loop] = [join(folder, "file"), join(folder, "loop")];
  await writeFile(file, "x");
  await symlink("loop", loop);
  expect((await ignoreAbsence(stat(file)))?.isFile()).toBe(true);
  expect(await ignoreAbsence(stat(join(folder, "none")))).toBeUndefined();
  expect(await ignoreAbsence(stat(join(file, "below")))).toBeUndefined();
  await expect(ignoreAbsence(stat(loop))).rejects.toMatchObject({ code: "ELOOP" });
});
