/** Which folder of `src/` may import which others. ARCHITECTURE.md explains the arrows. */
const allowed = {
  domain: [],
  process: ["domain"],
  decision: ["domain"],
  storage: ["domain", "process"],
  repository: ["domain", "process", "storage"],
  infra: ["domain", "process", "storage", "repository"],
  planning: ["domain", "process", "storage", "repository", "infra", "decision"],
  verification: ["domain", "process", "storage", "repository", "infra", "decision", "planning"],
  lab512: ["domain", "process", "storage", "repository", "infra", "decision", "planning"],
  lab256: ["domain", "process", "storage", "repository", "infra", "decision"],
  workflows: ["domain"],
  activities: ["domain", "process", "storage", "infra", "lab256", "lab512"],
  configuration: ["domain", "process", "storage", "infra"],
  client: ["domain", "process", "decision"],
  passkey: ["domain", "process"],
  worker: [
    "domain",
    "process",
    "storage",
    "repository",
    "infra",
    "decision",
    "lab256",
    "lab512",
    "workflows",
    "activities",
    "configuration",
    "client",
  ],
  api: ["domain", "process", "storage", "repository", "infra", "decision", "lab256", "workflows", "configuration"],
  stack: ["domain", "process", "storage", "decision", "lab256", "workflows", "configuration"],
  demo: ["domain", "process", "storage", "client", "passkey", "stack", "configuration"],
  cli: ["domain", "process", "decision", "infra", "verification", "client", "passkey", "configuration"],
};

const layers = Object.entries(allowed).map(([folder, others]) => ({
  name: `${folder}-imports-only-what-lies-below`,
  severity: "error",
  from: { path: `^src/${folder}/`, ...(folder === "cli" ? { pathNot: "^src/cli/host/" } : {}) },
  to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
}));

/** Forbids every path from one folder or file to another, also through modules between them. */
const unreachable = (name, from, to, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: `^src/${from}` },
  to: { path: `^src/${to}/`, reachable: true },
});

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans-in-src",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "(main|keep)\\.ts$" },
      to: {},
    },
    ...layers,
    {
      name: "domain-is-pure",
      severity: "error",
      from: { path: "^src/domain/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
    unreachable(
      "runner-never-reaches-lab256",
      "(worker/lab512|activities/lab512)",
      "lab256",
      "The Runner's process holds no code that opens the database, signs a permit or decides for others.",
    ),
    unreachable(
      "lab256-never-reaches-runner",
      "(worker/lab256|activities/lab256|api)",
      "lab512",
      "LAB 256 writes no repository and runs no job.",
    ),
    unreachable(
      "cli/(?!host/|(?:program|run|main)\\.ts$)",
      "(stack|lab256|lab512)",
      "The client half of the CLI runs where no server is installed; only src/cli/host reaches further.",
    ),
    {
      name: "cli-commands-import-what-they-share",
      severity: "error",
      comment: "What commands share knows no command.",
      from: { path: "^src/cli/(completion|connection|doctor|terminal)/" },
      to: { path: "^src/cli/(commands|host)/" },
    },
    {
      name: "no-dev-dependency",
      severity: "error",
      from: { path: "^src/(?!stack|demo|cli/host)" },
      to: { dependencyTypes: ["npm-dev"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
