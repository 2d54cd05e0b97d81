import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { obtainTool } from "../../src/stack/tools/obtain.js";
import { pins } from "../../src/stack/tools/pins.js";
import type { Downloader } from "../../src/stack/tools/vendor.js";
import { createPrivateTools, type PrivateTools } from "./private-tools.js";

const goodTemporal = 'echo "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"';
const oldTemporal = 'echo "temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)"';
const goodMinio = 'echo "minio version RELEASE.2025-09-07T16-13-09Z"';
const temporalInCache = join("cache", "temporal", pins.temporal.version, "temporal");

/** A `go` that writes a script to GOBIN and logs its arguments. */
const fakeGo = `case "$1" in
version) echo "go version go1.26.0 linux/amd64" ;;
install)
  echo "$CGO_ENABLED $*" >> "$HOME/go-calls"
  name="\${3##*/}"; [ -n "$name" ] || name="\${2##*/}"
  name="\${name%@*}"
  printf '#!/bin/sh\\necho "minio version DEVELOPMENT.GOGET"\\necho "(Server 1.29.1)"\\n' > "$GOBIN/$name"
  /bin/chmod 755 "$GOBIN/$name" ;;
esac`;

let tools: PrivateTools;
let lines: string[];
const log = (line: string): void => {
  lines.push(line);
};

beforeEach(async () => {
  tools = await createPrivateTools();
  lines = [];
});
afterEach(() => tools.remove());

const unreachable: Downloader = { command: "/bin/sh", buildArgs: () => ["-c", "echo 'Error: dns error' >&2; exit 1"], stallMs: 10_000 };

describe("a server tool is obtained", () => {
  test("from PATH first", async () => {
    const path = await tools.writeScript("bin/temporal", goodTemporal);
    await tools.writeScript(temporalInCache, goodTemporal);
    expect(await obtainTool("temporal", { log, env: tools.env })).toEqual({ found: true, path, source: "path" });
  });

  test("from the cache if the one on PATH has a wrong version, and the log says so", async () => {
    const wrong = await tools.writeScript("bin/temporal", oldTemporal);
    const path = await tools.writeScript(temporalInCache, goodTemporal);
    expect(await obtainTool("temporal", { log, env: tools.env })).toEqual({ found: true, path, source: "cache" });
    expect(lines.join("\n")).toContain(`${wrong} is not a version known to work`);
  });

  test("from a later entry of PATH if the first one has a wrong version", async () => {
    await tools.writeScript("bin/minio", 'echo "minio version RELEASE.2021-01-05T05-22-38Z"');
    const path = await tools.writeScript("later/minio", goodMinio);
    const env = { ...tools.env, PATH: `${tools.env.PATH}:${join(tools.folder, "later")}` };
    expect(await obtainTool("minio", { log, env })).toEqual({ found: true, path, source: "path" });
  });

  test("from its vendor rather than by a build, and from then on from the cache", async () => {
    await tools.writeScript("bin/go", fakeGo);
    const script = `printf '#!/bin/sh\\n${goodTemporal}\\n' > "$0/temporal-cli"`;
    const downloader: Downloader = { command: "/bin/sh", buildArgs: (folder) => ["-c", script, folder], stallMs: 10_000 };
    const path = join(tools.folder, temporalInCache);
    expect(await obtainTool("temporal", { log, env: tools.env, downloader })).toEqual({ found: true, path, source: "vendor" });
    expect(await obtainTool("temporal", { log, env: tools.env, downloader: unreachable })).toEqual({ found: true, path, source: "cache" });
    expect(await readdir(join(tools.folder, "cache", "tmp"))).toEqual([]);
  });

  test("by a build with the pinned module, version and flags if the vendor is unreachable", async () => {
    await tools.writeScript("bin/go", fakeGo);
    const temporal = await obtainTool("temporal", { log, env: tools.env, downloader: unreachable });
    expect(temporal).toEqual({ found: true, path: join(tools.folder, temporalInCache), source: "go" });
    const minio = await obtainTool("minio", { log, env: tools.env });
    expect(minio).toMatchObject({ found: true, source: "go" });
    expect((await readFile(join(tools.folder, "go-calls"), "utf8")).trim().split("\n")).toEqual([
      "0 install github.com/temporalio/cli/cmd/temporal@v1.5.1",
      " install -ldflags=-s -w github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c",
    ]);
  });

  test("by one build for two concurrent requests", async () => {
    await tools.writeScript("bin/go", fakeGo);
    const both = await Promise.all([1, 2].map(() => obtainTool("minio", { log, env: tools.env })));
    expect(both.map((tool) => tool.found)).toEqual([true, true]);
    expect((await readFile(join(tools.folder, "go-calls"), "utf8")).trim().split("\n")).toHaveLength(1);
  });
});

describe("a server tool that cannot be obtained", () => {
  test("is reported with one sentence for each failed step", async () => {
    const result = await obtainTool("temporal", { log, env: tools.env, downloader: unreachable });
    expect(result).toEqual({
      found: false,
      reasons: ["the vendor's download of temporal failed (Error: dns error)", "Go is not installed"],
    });
  });

  test("does not hang if the vendor sends nothing", async () => {
    const silent: Downloader = { command: "/bin/sh", buildArgs: () => ["-c", "/bin/sleep 600"], stallMs: 300 };
    const result = await obtainTool("temporal", { log, env: tools.env, downloader: silent });
    expect(result).toMatchObject({ found: false });
    expect(lines.join("\n")).toContain("received nothing for 0.3 s");
  });

  test("is reported with the reason if Go is too old", async () => {
    await tools.writeScript("bin/go", 'echo "go version go1.19.8 linux/amd64"');
    const result = await obtainTool("opa", { log, env: tools.env });
    expect(result).toMatchObject({ found: false, reasons: [expect.stringContaining("is older than 1.21")] });
  });

  test("is not downloaded without a known checksum, as with MinIO's binary", async () => {
    const result = await obtainTool("minio", { log, env: tools.env });
    expect(result).toEqual({ found: false, reasons: ["Go is not installed"] });
  });
});
