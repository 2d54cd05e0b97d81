/** The arrows of the design: each folder names what it may not reach. ARCHITECTURE.md explains them. */
const from = (path, notTo, comment) => ({
  name: `${path}-reaches-too-far`,
  severity: "error",
  comment,
  from: { path: `^src/${path}` },
  to: { path: notTo },
});

const folders =
  "activities|api|cli|client|configuration|database|demo|git|identity|infra|jobs|ledger|metrics|network|passkey|permits|policy|runner|stack|storage|telemetry|tracing|webhooks|worker|workflows";
const allBut = (...allowed) =>
  `^src/(${folders
    .split("|")
    .filter((folder) => !allowed.includes(folder))
    .join("|")})/`;

const gitReading =
  "^src/git/(git-fault|object-text|pack-file-system|pack-index|packed-refs|refs-state|repository-key|stored-objects)\\.ts$";

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    {
      name: "no-orphans-in-src",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "(main|keep)\\.ts$|types\\.ts$" },
      to: {},
    },
    from("domain/", "^src/(?!domain/)", "The domain is pure: it imports nothing of ours."),
    {
      name: "domain-is-pure",
      severity: "error",
      from: { path: "^src/domain/" },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
    from("policy/", allBut("policy"), "Only the policy knows a rule, and it knows nothing else."),
    from("storage/", allBut("storage"), "Storage knows keys and bytes."),
    from("infra/(?!source/)", "^src/(?!infra/(?!source/)|domain/)", "The infra registry is a file and its rules; it knows nothing else."),
    from("metrics/", allBut("metrics"), "Metrics are counters; who counts imports them."),
    from("git/", allBut("git", "storage", "metrics"), "Git stands on the storage ports."),
    from("infra/source/", allBut("infra", "git", "storage"), "The infra registry comes from a file or from the store."),
    {
      name: "git-reading-half-reads-only",
      severity: "error",
      comment: "What reads a repository straight from the store reaches nothing that writes one, runs git or keeps a folder.",
      from: { path: gitReading },
      to: { path: "^src/git/", pathNot: gitReading },
    },
    {
      name: "lab256-reaches-git-reading-half-only",
      severity: "error",
      comment: "LAB 256 reads the infra registry from its project, and writes no repository.",
      from: { path: "^src/(api|permits|infra/source|activities/lab256|worker/lab256)" },
      to: { path: "^src/git/", pathNot: gitReading, reachable: true },
    },
    from("telemetry/", allBut("telemetry"), "Telemetry is lines and what they come to; it knows the domain alone."),
    from("jobs/", allBut("jobs", "git", "storage", "telemetry", "infra"), "A job stands on git and storage."),
    from("runner/", allBut("runner", "jobs", "git", "storage", "infra"), "The Runner reaches the object store only."),
    from(
      "activities/lab512/",
      "^src/(database|ledger|identity|permits|policy|api|stack|cli)/",
      "LAB 512 never reaches the database or a policy.",
    ),
    {
      name: "lab512-never-reaches-lab256",
      severity: "error",
      comment: "The Runner's process holds no code that opens the database, signs a permit or decides.",
      from: { path: "^src/worker/lab512" },
      to: { path: "^src/(database|ledger|identity|permits|policy|api|stack|cli|workflows)/", reachable: true },
    },
    from("identity/", allBut("identity", "database"), "Identity stands on the database."),
    from("ledger/", allBut("ledger", "database", "metrics"), "The ledger stands on the database."),
    from("webhooks/", allBut("webhooks", "ledger", "database"), "Webhooks bring what the ledger holds."),
    from("permits/", allBut("permits", "policy", "ledger", "database", "storage", "infra"), "Permits join policy, ledger and claims."),
    {
      name: "workflows-import-activity-types-only",
      severity: "error",
      from: { path: "^src/workflows/" },
      to: { path: "^src/activities/", dependencyTypesNot: ["type-only"] },
    },
    from("workflows/", allBut("workflows", "activities"), "A workflow knows the domain and the types of activities."),
    from("api/", "^src/(jobs|git|runner|worker|stack|cli)/", "The api decides nothing about git and never runs a job."),
    from("client/", allBut("client"), "The client of the api is made of the domain alone."),
    { name: "no-dev-dependency", severity: "error", from: { path: "^src/(?!stack|demo|cli)" }, to: { dependencyTypes: ["npm-dev"] } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
