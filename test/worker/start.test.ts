import { chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasS3, requireS3Server } from "../harness/buckets.js";
import { startConditionDroppingProxy } from "./condition-dropping-proxy.js";
import { type FailedStart, failToStart, openPlace, type Place, type WorkerName, writeChangedJson } from "./lab512-process.js";

/** Expects a message for a person without a stack trace, on one line unless it lists variables. */
function expectSentence({ code, stdout, stderr }: FailedStart, name: WorkerName = "lab512"): void {
  expect(code, stderr).toBe(1);
  expect(stdout).not.toContain('"ready":true');
  expect(stderr).toMatch(new RegExp(`^${name}: \\S`));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toMatch(/node:internal|Node\.js v|\.ts:\d/);
}

describe("a Runner refuses to start", () => {
  let place: Place;

  beforeAll(async () => {
    place = await openPlace("start");
  });
  afterAll(() => place.close());

  const failWith = async (changes: Record<string, string>): Promise<string> => {
    const failed = await failToStart({ ...place.environment, ...changes });
    expectSentence(failed);
    return failed.stderr;
  };
  const expectOneLine = (text: string) => expect(text.trimEnd().split("\n").length, text).toBe(1);

  it("without its environment, and names every missing variable", async () => {
    const failed = await failToStart({});
    expectSentence(failed);
    const required = [
      "OGR_TEMPORAL_ADDRESS",
      "OGR_RECEIPT_KEY_FILE",
      "OGR_GIT_KEY_FILE",
      "OGR_OPERATOR_FILE",
      "OGR_ALLOWLIST_FILE",
      "OGR_WORK_DIRECTORY",
      "OGR_STORE",
      "OGR_INFRA",
    ];
    for (const name of required) expect(failed.stderr).toContain(`${name}: Set it to `);
  });

  it("with one wrong variable, and names it", async () => {
    expect(await failWith({ OGR_RUNNER_SLOTS: "many" })).toContain("OGR_RUNNER_SLOTS: ");
    expect(await failWith({ OGR_STORE: "tape" })).toContain("OGR_STORE: ");
  });

  it("if others can read its key", async () => {
    const key = join(place.folder, "open.pem");
    await copyFile(place.keys.files.receipt, key);
    await chmod(key, 0o644);
    const message = await failWith({ OGR_RECEIPT_KEY_FILE: key });
    expect(message).toContain(`${key} can be read by others; run \`chmod 600\` on it.`);
    expectOneLine(message);
  });

  it("if its key is missing or is not a key", async () => {
    const absent = await failWith({ OGR_RECEIPT_KEY_FILE: join(place.folder, "absent.pem") });
    expect(absent).toContain("absent.pem cannot be read");
    expectOneLine(absent);
    const broken = join(place.folder, "broken.pem");
    await writeFile(broken, "no key\n", { mode: 0o600 });
    expect(await failWith({ OGR_RECEIPT_KEY_FILE: broken })).toContain("broken.pem cannot be read");
  });

  it("if its allowlist is malformed, and says where", async () => {
    const path = place.environment.OGR_ALLOWLIST_FILE ?? "";
    const wildcard = await writeChangedJson(path, "wildcard", (value: { tenants: Record<string, { jobs: string[] }> }) => ({
      ...value,
      tenants: Object.fromEntries(Object.entries(value.tenants).map(([tenant, own]) => [tenant, { ...own, jobs: ["*"], extra: 1 }])),
    }));
    const message = await failWith({ OGR_ALLOWLIST_FILE: wildcard });
    expect(message).toContain("tenants.T.UBL.jobs.0: ");
    expect(message).toContain("tenants.T.UBL.extra: ");
    expectOneLine(message);
    const cut = join(place.folder, "cut.json");
    await writeFile(cut, '{"version":1,');
    expect(await failWith({ OGR_ALLOWLIST_FILE: cut })).toContain("cut.json cannot be read");
  });

  it("if its whitelist does not name Temporal", async () => {
    const path = await writeChangedJson(
      place.environment.OGR_ALLOWLIST_FILE ?? "",
      "no-temporal",
      (value: { tenants: Record<string, object> }) => ({
        ...value,
        tenants: Object.fromEntries(
          Object.entries(value.tenants).map(([tenant, own]) => [tenant, { ...own, network_whitelist: ["object-store"] }]),
        ),
      }),
    );
    const message = await failWith({ OGR_ALLOWLIST_FILE: path });
    expect(message).toContain("is not on the network whitelist");
    expectOneLine(message);
  });

  it("if Temporal is unreachable, and names its address", async () => {
    const message = await failWith({ OGR_TEMPORAL_ADDRESS: "127.0.0.1:9" });
    expect(message).toContain("127.0.0.1:9");
    expectOneLine(message);
  });

  describe.skipIf(!hasS3())("on S3", () => {
    it("if the store ignores conditional writes", async () => {
      const proxy = await startConditionDroppingProxy(requireS3Server(), "signs again");
      try {
        const { access_key, secret_key } = requireS3Server();
        const { OGR_S3_SESSION_TOKEN: _, ...environment } = place.environment;
        const failed = await failToStart({
          ...environment,
          OGR_S3_ENDPOINT: proxy.endpoint,
          OGR_S3_ACCESS_KEY: access_key,
          OGR_S3_SECRET_KEY: secret_key,
        });
        expectSentence(failed);
        expect(failed.stderr).toContain("does not honour conditional writes");
        expectOneLine(failed.stderr);
      } finally {
        await proxy.close();
      }
    });

    it("if a proxy removes the conditions", async () => {
      const proxy = await startConditionDroppingProxy(requireS3Server(), "keeps the signature");
      try {
        expectOneLine(await failWith({ OGR_S3_ENDPOINT: proxy.endpoint }));
      } finally {
        await proxy.close();
      }
    });

    it("if the store refuses its credentials", async () => {
      const message = await failWith({ OGR_S3_SECRET_KEY: "wrong-wrong-wrong" });
      expect(message).toContain("check the credentials");
      expectOneLine(message);
    });

    it("if its whitelist does not name the store", async () => {
      const path = await writeChangedJson(
        place.environment.OGR_ALLOWLIST_FILE ?? "",
        "no-store",
        (value: { tenants: Record<string, object> }) => ({
          ...value,
          tenants: Object.fromEntries(
            Object.entries(value.tenants).map(([tenant, own]) => [tenant, { ...own, network_whitelist: ["temporal"] }]),
          ),
        }),
      );
      expect(await failWith({ OGR_ALLOWLIST_FILE: path })).toContain("is not on the network whitelist");
    });
  });
});

describe("LAB 256's worker without its configuration", () => {
  it("names every missing variable", async () => {
    const failed = await failToStart({}, "lab256");
    expectSentence(failed, "lab256");
    for (const name of ["DATABASE_URL", "OGR_PERMIT_KEY_FILE", "OGR_STATEMENT_KEY_FILE", "OGR_STORE"])
      expect(failed.stderr).toContain(`${name}: Set it to `);
  });
});
