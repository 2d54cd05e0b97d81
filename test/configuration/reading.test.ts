import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLayers } from "../../src/configuration/layers.js";
import { checkConfiguration, readConfiguration } from "../../src/configuration/read.js";
import { lab512Settings } from "../../src/configuration/sections/lab512.js";

const COMPLETE = {
  OGR_TEMPORAL_ADDRESS: "temporal:7233",
  OGR_INFRA: "none",
  OGR_STORE: "directory",
  OGR_STORE_DIRECTORY: "/objects",
  OGR_RECEIPT_KEY_FILE: "/keys/receipt.pem",
  OGR_GIT_KEY_FILE: "/keys/git.pem",
  OGR_OPERATOR_FILE: "/keys/operator.json",
  OGR_ALLOWLIST_FILE: "/keys/allowlist.json",
  OGR_WORK_DIRECTORY: "/work",
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ogr-configuration-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeSettingsFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** Lists the problems of an environment as `field: problem`. */
function listProblems(environment: Record<string, string>): string[] {
  return checkConfiguration(lab512Settings, readLayers(environment)).problems.map(({ field, problem }) => `${field}: ${problem}`);
}

describe("a configuration file", () => {
  it.each([
    [
      "YAML",
      Object.entries({ ...COMPLETE, OGR_RUNNER_SLOTS: "7" })
        .map(([name, value]) => `${name}: ${value}`)
        .join("\n"),
    ],
    ["JSON", JSON.stringify({ ...COMPLETE, OGR_RUNNER_SLOTS: 7 })],
  ])("in %s sets what the environment does not, and the environment takes precedence", async (kind, text) => {
    const OGR_CONFIG_FILE = await writeSettingsFile(`complete.${kind}`, text);
    expect(readConfiguration(lab512Settings, { OGR_CONFIG_FILE })).toMatchObject({ OGR_RUNNER_SLOTS: 7, OGR_WORK_DIRECTORY: "/work" });
    const above = readConfiguration(lab512Settings, { OGR_CONFIG_FILE, OGR_RUNNER_SLOTS: "9" });
    expect(above).toMatchObject({ OGR_RUNNER_SLOTS: 9, OGR_WORK_DIRECTORY: "/work" });
  });

  it("can have settings of other processes and lists instead of commas", async () => {
    const OGR_CONFIG_FILE = await writeSettingsFile(
      "shared.yaml",
      "OGR_API_PORT: 7450\nOGR_RP_ORIGINS: [https://a.example, https://b.example]\n",
    );
    expect(listProblems({ ...COMPLETE, OGR_CONFIG_FILE })).toEqual([]);
    expect(readLayers({ OGR_CONFIG_FILE }).found.get("OGR_RP_ORIGINS")?.value).toBe("https://a.example,https://b.example");
  });

  it("is refused for each unknown name, with a suggestion", async () => {
    const path = await writeSettingsFile("slips.yaml", "OGR_RUNER_SLOTS: 3\nDATABASEURL: x\nogr_store: s3\nmaintainer: me\n");
    expect(listProblems({ ...COMPLETE, OGR_CONFIG_FILE: path })).toEqual([
      `${path}: OGR_RUNER_SLOTS: This setting is not known; did you mean OGR_RUNNER_SLOTS?`,
      `${path}: DATABASEURL: This setting is not known; did you mean DATABASE_URL?`,
      `${path}: ogr_store: This setting is not known; did you mean OGR_STORE?`,
      `${path}: maintainer: This setting is not known; remove it.`,
    ]);
  });

  it.each([
    ["does not exist", undefined],
    ["is not a mapping", "- a\n- b\n"],
    ["has nested settings", "OGR_STORE: {kind: s3}\n"],
    ["has a setting twice", "OGR_STORE: s3\nOGR_STORE: directory\n"],
    ["is truncated", '{"OGR_STORE": '],
  ])("is refused with its path if it %s", async (name, text) => {
    const path = text === undefined ? join(folder, "absent") : await writeSettingsFile(name, text);
    expect(listProblems({ ...COMPLETE, OGR_CONFIG_FILE: path })).toEqual([expect.stringContaining(`OGR_CONFIG_FILE: ${path}`)]);
  });
});

describe("a process", () => {
  it("reports all missing, malformed, unknown and contradictory settings at once", () => {
    const { OGR_WORK_DIRECTORY: _, ...lacking } = COMPLETE;
    const environment = { ...lacking, OGR_RUNNER_SLOTS: "many", OGR_RUNNERS: "3", OGR_TEMPORAL_CERT_FILE: "/cert.pem" };
    const found = listProblems(environment).map((problem) => problem.split(":")[0]);
    expect(found).toEqual(["OGR_WORK_DIRECTORY", "OGR_RUNNER_SLOTS", "OGR_RUNNERS", "OGR_TEMPORAL_KEY_FILE"]);
    expect(() => readConfiguration(lab512Settings, environment)).toThrow(new RegExp(found.join("[\\s\\S]*")));
  });

  it("ignores other programs' variables in the environment", () => {
    expect(listProblems({ ...COMPLETE, OGR_TOKEN: "t", HOME: "/root", DATABASE_URL: "", PATH: "/bin" })).toEqual([]);
  });

  it.each([
    [{ OGR_TEMPORAL_TLS: "false", OGR_TEMPORAL_API_KEY: "k" }, "OGR_TEMPORAL_TLS: "],
    [{ OGR_TEMPORAL_KEY_FILE: "/key.pem" }, "OGR_TEMPORAL_CERT_FILE: Set it too"],
    [{ OGR_PULL_API_URL: "https://api.example" }, "OGR_PULL_TOKENS_FILE: Set it too"],
    [{ OGR_S3_ENDPOINT: "http://s3:9000", OGR_S3_CA_FILE: "/ca.pem" }, "OGR_S3_CA_FILE: It needs an https:// address"],
    [{ DATABASE_URL: "postgresql://db/ogr?sslmode=require", OGR_DATABASE_CA_FILE: "/ca.pem" }, "DATABASE_URL: Its sslmode is `require`"],
  ])("refuses settings that contradict each other: %j", (changes, problem) => {
    expect(listProblems({ ...COMPLETE, ...changes })).toEqual([expect.stringContaining(problem)]);
  });

  it("reads a secret from a file, and refuses two sources", async () => {
    const path = await writeSettingsFile("token", "secret\n");
    const found = readLayers({ OGR_S3_SECRET_KEY_FILE: path }).found.get("OGR_S3_SECRET_KEY");
    expect(found).toEqual({ value: "secret", source: path });
    expect(listProblems({ ...COMPLETE, OGR_S3_SECRET_KEY_FILE: path, OGR_S3_SECRET_KEY: "other" })).toEqual([
      "OGR_S3_SECRET_KEY_FILE: Set this or OGR_S3_SECRET_KEY, not both.",
    ]);
    expect(listProblems({ ...COMPLETE, OGR_S3_SECRET_KEY_FILE: join(folder, "absent") })[0]).toContain("OGR_S3_SECRET_KEY_FILE: ");
  });

  it("prefers a secret in the environment to one in the file", async () => {
    const above = await writeSettingsFile("above", "above");
    const OGR_CONFIG_FILE = await writeSettingsFile("secret.yaml", "DATABASE_URL: postgresql://below\n");
    expect(readLayers({ OGR_CONFIG_FILE, DATABASE_URL_FILE: above }).found.get("DATABASE_URL")?.value).toBe("above");
  });
});
