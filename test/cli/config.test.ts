import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runOgr } from "./run-ogr.js";

const SECRETS = {
  DATABASE_URL: "postgresql://ogr:hush-hush@db:5432/ogr?password=hush-hush",
  OGR_S3_SECRET_KEY: "hush-hush",
  OGR_TEMPORAL_API_KEY: "hush-hush",
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("`ogr config` prints the value, source and meaning of each setting, and masks secrets", async () => {
  const path = join(folder, "registry.yaml");
  await writeFile(path, "OGR_API_PORT: 7450\nOGR_STORE: s3\n");
  const environment = { OGR_CONFIG_FILE: path, OGR_TEMPORAL_ADDRESS: "temporal:7233", ...SECRETS };
  const { code, stdout } = await runOgr(["config", "--process", "api", "--json"], environment);
  expect(code).toBe(0);
  const settings = new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map((one) => [one.key, one]),
  );
  expect(settings.get("OGR_API_PORT")).toMatchObject({
    process: "api",
    value: "7450",
    source: path,
    meaning: expect.stringContaining("listens"),
  });
  expect(settings.get("OGR_TEMPORAL_ADDRESS")).toMatchObject({ value: "temporal:7233", source: "environment" });
  expect(settings.get("OGR_TEMPORAL_NAMESPACE")).toMatchObject({ value: "default", source: "default" });
  expect(settings.get("OGR_PERMIT_KEY_FILE")).toMatchObject({ value: null, source: "unset", required: true });
  expect(settings.get("DATABASE_URL")).toMatchObject({ value: "postgresql://ogr:***@db:5432/ogr" });
  expect(stdout + (await runOgr(["config"], environment)).stdout).not.toContain("hush-hush");
});

it("`ogr config --check` names the settings that keep a process from starting, and fails", async () => {
  const { code, stdout } = await runOgr(["config", "--check", "--process", "lab512"], {
    OGR_STORE: "directory",
    OGR_STOER_DIRECTORY: "/x",
  });
  expect(code).toBe(1);
  expect(stdout).toContain("OGR_STOER_DIRECTORY: This variable is not known; did you mean OGR_STORE_DIRECTORY?");
  expect(stdout).toContain("OGR_RECEIPT_KEY_FILE: Set it to ");
});

it("`ogr config` refuses an unknown process and names the known ones", async () => {
  const { code, stderr } = await runOgr(["config", "--process", "lab513"]);
  expect(code).toBe(2);
  expect(stderr).toContain("api, lab256, lab512");
});
