/** The registry's place in its repository. Source: infra registry v2. */
export const REGISTRY_PATH = "infra/telemetry-registry.v2.json";
/** The changelog's place beside it. Source: contracts "Infra registry v2". */
export const CHANGELOG_PATH = "infra/changelog/infra-changelog.jsonl";
