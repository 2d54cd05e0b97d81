/** The paths of the registry and its changelog in their repository. Source: contracts "Infra registry v2". */
export const REGISTRY_PATH = "infra/telemetry-registry.v2.json";
export const CHANGELOG_PATH = "infra/changelog/infra-changelog.jsonl";
