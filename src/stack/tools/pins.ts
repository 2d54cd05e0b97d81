/** A server tool that we look for, download or build. One place holds every version. */
export interface ToolPin {
  name: ToolName;
  /** The version we obtain ourselves; names the folder in the cache. */
  version: string;
  /** What `go install` takes. */
  goModule: string;
  /** What `go install` calls the command, where that is not `name`. */
  goBinary?: string;
  goFlags: readonly string[];
  goEnv: Readonly<Record<string, string>>;
  /** How the tool says its version. */
  versionArgs: readonly string[];
  /**
   * Judges the output of `versionArgs`. What is found on PATH must name a version that we know to work; what lies in
   * our own cache was pinned when it was put there, so that it need only answer.
   */
  isAcceptedOnPath(output: string): boolean;
  answerPattern: RegExp;
}

export type ToolName = "temporal" | "temporal-server" | "temporal-sql-tool" | "minio" | "mc" | "opa";

/** Fairness of task queues came with server 1.29; version 2 of anything is unknown. */
function hasKnownTemporalServer(output: string): boolean {
  const [, major, minor] = /Server (\d+)\.(\d+)\.\d+/.exec(output) ?? [];
  return Number(major) === 1 && Number(minor) >= 29;
}

const TEMPORAL_SERVER = "v1.31.2";

/** A schema belongs to its server: another version is another deployment than the one that compose describes. */
function isPinnedTemporalServer(output: string): boolean {
  return output.includes(` version ${TEMPORAL_SERVER.slice(1)}`);
}

/** From 2025 on, every release of the server has conditional writes with both If-Match and If-None-Match. */
function isReleaseFrom2025(output: string): boolean {
  const [, date] = /^(?:minio|mc) version RELEASE\.(\d{4}-\d{2}-\d{2})T/m.exec(output) ?? [];
  return date !== undefined && date >= "2025-01-01";
}

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
  // The server that docker-compose.yml runs on Postgres, and the tool that makes its schema; the development stack needs neither.
  "temporal-server": {
    name: "temporal-server",
    version: TEMPORAL_SERVER,
    goModule: "go.temporal.io/server/cmd/server",
    goBinary: "server",
    goFlags: ["-ldflags=-s -w"],
    goEnv: {},
    versionArgs: ["--version"],
    isAcceptedOnPath: isPinnedTemporalServer,
    answerPattern: /version \d+\.\d+/,
  },
  "temporal-sql-tool": {
    name: "temporal-sql-tool",
    version: TEMPORAL_SERVER,
    goModule: "go.temporal.io/server/cmd/tools/sql",
    goBinary: "sql",
    goFlags: ["-ldflags=-s -w"],
    goEnv: {},
    versionArgs: ["--version"],
    isAcceptedOnPath: isPinnedTemporalServer,
    answerPattern: /version \d+\.\d+/,
  },
  minio: {
    name: "minio",
    // Release tags are not on the Go module proxy, so this is a pseudo-version.
    version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    goModule: "github.com/minio/minio",
    goFlags: ["-ldflags=-s -w"],
    goEnv: {},
    versionArgs: ["--version"],
    isAcceptedOnPath: isReleaseFrom2025,
    answerPattern: /^minio version /m,
  },
  // MinIO's client, which docker-compose.yml runs to make the accounts of the planes; the development stack does not need it.
  mc: {
    name: "mc",
    version: "v0.0.0-20251106162529-77f82e18b540",
    goModule: "github.com/minio/mc",
    goFlags: ["-ldflags=-s -w"],
    goEnv: {},
    versionArgs: ["--version"],
    isAcceptedOnPath: isReleaseFrom2025,
    answerPattern: /^mc version /m,
  },
  opa: {
    name: "opa",
    // Another version would compile the same policy to other bytes, and so to another policy hash.
    version: "v1.22.2",
    goModule: "github.com/open-policy-agent/opa",
    goFlags: ["-ldflags=-s -w"],
    goEnv: {},
    versionArgs: ["version"],
    isAcceptedOnPath: (output) => /^Version: 1\.22\.2$/m.test(output),
    answerPattern: /^Version: \d/m,
  },
};

/** `go install` of a version needs module-aware Go with toolchain switching, which came with 1.21. */
export const oldestGo = { major: 1, minor: 21 } as const;
