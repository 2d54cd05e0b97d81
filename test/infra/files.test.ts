import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it } from "vitest";
import { parseChangelog } from "../../src/infra/changelog.js";
import type { InfraCommand } from "../../src/infra/command.js";
import { createEmptyRegistry, formatRegistry } from "../../src/infra/model.js";
import { MUTATION_STEPS, type MutationStep, mutateRegistry, type RegistryFilePaths } from "../../src/infra/registry-files.js";
import { replayChangelog } from "../../src/infra/replay.js";
import { buildNodeArguments } from "../../src/stack/registry/own-entry.js";
import { resolveTestProcess } from "../harness/processes.js";
import type { InfraWriting } from "../processes/infra-writer.main.js";
import { createTemporaryFolder } from "../repository/real-git.js";
import { buildRegisterCommand, buildRepoEntry, formatRegistryOfOrgs, requireRegistry } from "./samples.js";

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

const WRITER = resolveTestProcess("infra-writer", inject("servers").built);
const NOW = "2026-01-31T12:00:00Z";
const now = () => new Date(NOW);
const start = formatRegistryOfOrgs({});

async function newPlace(text = start): Promise<RegistryFilePaths> {
  const folder = createTemporaryFolder("ogr-infra-files-");
  folders.push(folder);
  const place = {
    registry: join(folder, "infra", "r.json"),
    changelog: join(folder, "infra", "changelog", "c.jsonl"),
    lock: join(folder, "lock"),
  };
  await mkdir(join(folder, "infra"));
  await writeFile(place.registry, text);
  return place;
}

/** Mutates in a child process that is killed after this step. */
function mutateInChildProcess(
  place: RegistryFilePaths,
  command: InfraCommand,
  diesAfter?: MutationStep,
): Promise<{ code: string; signal: string | null }> {
  const writing: InfraWriting = { place, command, at: NOW, ...(diesAfter === undefined ? {} : { diesAfter }) };
  const words = [...buildNodeArguments(WRITER), JSON.stringify(writing)];
  return new Promise((resolve) => {
    execFile(process.execPath, words, (error, stdout) => resolve({ code: stdout, signal: error?.signal ?? null }));
  });
}

/** Reads the registry and checks that its changelog replays to it. */
async function readAgreed(place: RegistryFilePaths): Promise<string> {
  const text = await readFile(place.registry, "utf8");
  const lines = parseChangelog(existsSync(place.changelog) ? await readFile(place.changelog, "utf8") : "");
  if (!lines.ok) throw new Error(JSON.stringify(lines.problems));
  const again = replayChangelog(lines.value, createEmptyRegistry());
  expect(again.ok && formatRegistry(again.value)).toBe(text);
  return text;
}

async function listStrayFiles(place: RegistryFilePaths): Promise<string[]> {
  const names = await readdir(join(place.lock, ".."), { recursive: true });
  return names.filter((name) => !["infra", "infra/r.json", "infra/changelog", "infra/changelog/c.jsonl"].includes(name));
}

describe("a killed writer", () => {
  it.each([...MUTATION_STEPS])("after the step `%s` is completed or undone by the next command", async (step) => {
    const place = await newPlace();
    expect(await mutateInChildProcess(place, buildRegisterCommand("acme/first"), step)).toMatchObject({ signal: "SIGKILL" });
    const next = await mutateRegistry(place, buildRegisterCommand("acme/second"), { now });
    const text = await readAgreed(place);
    expect(next.ok && next.value.repaired === null).toBe(step === "locked");
    expect(text.includes("first")).toBe(step === "registry_written");
    expect(text).toContain("second");
    expect(await listStrayFiles(place)).toEqual([]);
  });

  it("whose files have changed since makes the next command fail with the remedy", async () => {
    const place = await newPlace();
    await mutateInChildProcess(place, buildRegisterCommand("acme/first"), "changelog_written");
    await writeFile(place.registry, formatRegistryOfOrgs({ other: { telemetry_repo: "other/t", repos: { x: buildRepoEntry() } } }));
    const before = await readFile(place.changelog, "utf8");
    const next = await mutateRegistry(place, buildRegisterCommand("acme/second"), { now });
    expect(next).toMatchObject({ ok: false, refusal: { code: "half_done" } });
    expect(next.ok ? "" : next.refusal.message).toContain(`remove ${place.lock}.journal`);
    expect(await readFile(place.changelog, "utf8")).toBe(before);
  });
});

describe("a second writer", () => {
  it("is refused at every step of a running first one, and both files stay valid", async () => {
    const place = await newPlace();
    const refusals: unknown[] = [];
    for (const step of MUTATION_STEPS) {
      let second: ReturnType<typeof mutateRegistry> | undefined;
      const first = await mutateRegistry(place, buildRegisterCommand(`acme/${step}`), {
        now,
        onStep: (at) => {
          if (at === step) second = mutateRegistry(place, buildRegisterCommand("acme/second"), { now });
        },
      });
      expect(first.ok).toBe(true);
      const outcome = await second;
      // The second writer may also have started after the first one ended.
      if (outcome?.ok === false) refusals.push(outcome.refusal.code);
      await readAgreed(place);
    }
    expect(refusals).toContain("registry_busy");
    expect(refusals.filter((code) => code !== "registry_busy" && code !== "already_registered")).toEqual([]);
  });

  it("among six concurrent processes loses no reported write", async () => {
    const place = await newPlace();
    const names = ["a", "b", "c", "d", "e", "f"];
    const outcomes = await Promise.all(names.map((name) => mutateInChildProcess(place, buildRegisterCommand(`acme/${name}`))));
    const written = names.filter((_, at) => outcomes[at]?.code === "written");
    const registry = requireRegistry(await readAgreed(place));
    expect([...(registry.orgs.get("acme")?.repos.keys() ?? [])].sort()).toEqual(written);
    expect(written.length).toBeGreaterThan(0);
    expect(outcomes.filter(({ code }) => code !== "written" && code !== "registry_busy")).toEqual([]);
    expect(await listStrayFiles(place)).toEqual([]);
  });

  it.each([
    ["on another host", (path: string) => symlink(`token:4194305:boot.1:not-${hostname()}`, path)],
    ["whose lock cannot be read", (path: string) => writeFile(path, "{}")],
  ])("%s counts as running", async (_what, lock) => {
    const place = await newPlace();
    await lock(place.lock);
    const next = await mutateRegistry(place, buildRegisterCommand("acme/site"), { now });
    expect(next).toMatchObject({ ok: false, refusal: { code: "registry_busy" } });
    expect(await readFile(place.registry, "utf8")).toBe(start);
  });

  it("that edits the file by hand meanwhile is not overwritten", async () => {
    const place = await newPlace();
    const edited = formatRegistryOfOrgs({ other: { telemetry_repo: "other/t", repos: { x: buildRepoEntry() } } });
    const { writeFileSync } = await import("node:fs");
    const first = await mutateRegistry(place, buildRegisterCommand("acme/site"), {
      now,
      onStep: (step) => void (step === "drafted" && writeFileSync(place.registry, edited)),
    });
    expect(first).toMatchObject({ ok: false, refusal: { code: "registry_changed" } });
    expect(await readFile(place.registry, "utf8")).toBe(edited);
    expect(existsSync(place.changelog)).toBe(false);
    expect(await listStrayFiles(place)).toEqual([]);
  });
});

describe("the files", () => {
  it("are not changed by a refused command", async () => {
    const place = await newPlace('{ "orgs" : {} }');
    const before = await stat(place.registry, { bigint: true });
    expect(await mutateRegistry(place, buildRegisterCommand("acme/site", { context: "prod" }), { now })).toMatchObject({
      refusal: { code: "context_unknown" },
    });
    const after = await stat(place.registry, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(existsSync(place.changelog)).toBe(false);
  });

  it("keep their mode", async () => {
    const place = await newPlace();
    await chmod(place.registry, 0o640);
    await mutateRegistry(place, buildRegisterCommand("acme/site"), { now });
    expect((await stat(place.registry)).mode & 0o777).toBe(0o640);
  });

  it("are not replaced through a symbolic link", async () => {
    const place = await newPlace();
    await writeFile(join(place.lock, "..", "elsewhere.json"), start);
    await rm(place.registry);
    await symlink(join(place.lock, "..", "elsewhere.json"), place.registry);
    await expect(mutateRegistry(place, buildRegisterCommand("acme/site"), { now })).rejects.toThrow(/plain file/);
  });

  it("are refused with the place of the first error if they are invalid", async () => {
    const place = await newPlace('{\n  "orgs": {"acme": {}}\n}');
    const refused = await mutateRegistry(place, buildRegisterCommand("acme/site"), { now });
    expect(refused).toMatchObject({ ok: false, refusal: { code: "registry_invalid" } });
    expect(refused.ok ? "" : refused.refusal.message).toMatch(/line 2, column 20/);
    await writeFile(place.registry, start);
    await mkdir(join(place.changelog, ".."), { recursive: true });
    await writeFile(place.changelog, '{"timestamp": "yesterday"}\n');
    expect(await mutateRegistry(place, buildRegisterCommand("acme/site"), { now })).toMatchObject({
      refusal: { code: "changelog_invalid" },
    });
  });
});
