/** A server tool that we look for, download or build. Its version is defined only here. */
export interface ToolPin {
  name: ToolName;
  /** The version that we install; also the name of its folder in the cache. */
  version: string;
  /** The argument of `go install`. */
  goModule: string;
  /** The name that `go install` gives the command, if it is not `name`. */
  goBinary?: string;
  goFlags: readonly string[];
  goEnv: Readonly<Record<string, string>>;
  /** The arguments that make the tool print its version. */
  versionArgs: readonly string[];
  /**
   * Checks the output of `versionArgs`. A tool found on PATH must report a version that is known to work. A tool in our own cache was
   * pinned when it was installed, so it only has to match `answerPattern`.
   */
  isAcceptedOnPath(output: string): boolean;
  answerPattern: RegExp;
}

export type ToolName = "temporal" | "temporal-server" | "temporal-sql-tool" | "minio" | "mc" | "opa";

/** Task queue fairness needs server 1.29. Version 2 is untested. */
function hasKnownTemporalServer(output: string): boolean {
  const [, major, minor] = /Server (\d+)\.(\d+)\.\d+/.exec(output) ?? [];
  return Number(major) === 1 && Number(minor) >= 29;
}

const TEMPORAL_SERVER = "v1.31.2";

/** A schema belongs to one version of the server: any other version would be a different deployment from the one in docker-compose.yml. */
function isPinnedTemporalServer(output: string): boolean {
  return output.includes(` version ${TEMPORAL_SERVER.slice(1)}`);
}

/** Every release of the server from 2025 on supports conditional writes with both If-Match and If-None-Match. */
function isReleaseFrom2025(output: string): boolean {
  const [, date] = /^(?:minio|mc) version RELEASE\.(\d{4}-\d{2}-\d{2})T/m.exec(output) ?? [];
  return date !== undefined && date >= "2025-01-01";
}

/** What most tools have in common: they are built without symbols, and print their version with `--version`. */
const COMMON = { goFlags: ["-ldflags=-s -w"], goEnv: {}, versionArgs: ["--version"] };

const PART_OF_TEMPORAL_SERVER = {
  ...COMMON,
  version: TEMPORAL_SERVER,
  isAcceptedOnPath: isPinnedTemporalServer,
  answerPattern: /version \d+\.\d+/,
};

export const pins: Readonly<Record<ToolName, ToolPin>> = {
  temporal: {
    name: "temporal",
    // Newer tags carry a `replace` directive, which `go install` refuses.
    version: "v1.5.1",
    goModule: "github.com/temporalio/cli/cmd/temporal",
    goFlags: [],
    goEnv: { CGO_ENABLED: "0" },
    versionArgs: ["--version"],
    isAcceptedOnPath: hasKnownTemporalServer,
    answerPattern: /Server \d+\.\d+/,
  },
  // The server that docker-compose.yml runs on Postgres, and the tool that creates its schema. The development stack needs neither.
  "temporal-server": {
    name: "temporal-server",
    goModule: "go.temporal.io/server/cmd/server",
    goBinary: "server",
    ...PART_OF_TEMPORAL_SERVER,
  },
  "temporal-sql-tool": {
    name: "temporal-sql-tool",
    goModule: "go.temporal.io/server/cmd/tools/sql",
    goBinary: "sql",
    ...PART_OF_TEMPORAL_SERVER,
  },
  minio: {
    name: "minio",
    // Release tags are not on the Go module proxy, so this is a pseudo-version.
    version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    goModule: "github.com/minio/minio",
    ...COMMON,
    isAcceptedOnPath: isReleaseFrom2025,
    answerPattern: /^minio version /m,
  },
  // MinIO's client, which docker-compose.yml runs to create the accounts of the planes. The development stack does not need it.
  mc: {
    name: "mc",
    version: "v0.0.0-20251106162529-77f82e18b540",
    goModule: "github.com/minio/mc",
    ...COMMON,
    isAcceptedOnPath: isReleaseFrom2025,
    answerPattern: /^mc version /m,
  },
  opa: {
    name: "opa",
    // Another version would compile the same policy to different bytes, and so to a different policy hash.
    version: "v1.22.2",
    goModule: "github.com/open-policy-agent/opa",
    ...COMMON,
    versionArgs: ["version"],
    isAcceptedOnPath: (output) => /^Version: 1\.22\.2$/m.test(output),
    answerPattern: /^Version: \d/m,
  },
};

/** `go install` of a version needs module-aware Go with toolchain switching, which Go has since 1.21. */
export const oldestGo = { major: 1, minor: 21 } as const;
