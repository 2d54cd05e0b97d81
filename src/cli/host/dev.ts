import type { RunningRegistry } from "../../stack/registry/registry.js";
import type { Servers } from "../../stack/servers/servers.js";
import { CliCommand } from "../cli-command.js";
import { announceState, resolveDevFolder } from "../connection/state-file.js";

interface DevOptions {
  readonly reset?: boolean;
  readonly infra: string;
}

/** `ogr dev`: runs the whole stack on this machine until Ctrl-C. The next start continues from its data. */
export function buildDevCommand(): CliCommand {
  return new CliCommand<DevOptions>("dev", "run the whole registry on this machine until Ctrl-C")
    .option("--reset", "remove all data of the development registry before starting")
    .option("--infra <source>", "the infra registry: none, registry:<tenant>/<project> or file:<absolute path>", "none")
    .addExamples("ogr dev", "ogr dev --reset", "ogr dev --infra registry:T.UBL/P.infra")
    .run(async ({ options, out }) => {
      // Loaded on demand: the other commands need none of the code that runs servers.
      const [{ removeDataFolder }, { createStreamLog }, { startRegistry }] = await Promise.all([
        import("../../stack/data-folder.js"),
        import("../../stack/progress.js"),
        import("../../stack/registry/registry.js"),
      ]);
      const log = createStreamLog(process.stderr);
      const dataDir = resolveDevFolder();
      if (options.reset && !(await removeDataFolder(dataDir, log)))
        throw new Error("the development registry of this clone is running: stop it before --reset");
      const registry = await startRegistry({ dataDir, log, infra: options.infra });
      await announceState(registry.apiUrl, registry.founded.actors);
      const shown = buildOverview(registry);
      out.print(shown, formatOverview(shown));
      watchProcesses(registry, log);
      // The children do not keep this process alive by themselves.
      setInterval(() => undefined, 60_000);
    });
}

type Overview = ReturnType<typeof buildOverview>;

function buildOverview({ apiUrl, place, founded, servers }: RunningRegistry & { servers: Servers }) {
  const { objectStore } = place;
  return {
    ok: true,
    api_url: apiUrl,
    docs_url: `${apiUrl}/docs`,
    temporal_ui_url: servers.temporal.uiUrl,
    temporal_address: place.temporalAddress,
    object_store: objectStore.kind === "s3" ? objectStore.endpoint : objectStore.path,
    database_url: place.databaseUrl,
    data_dir: place.dataDir,
    actors: founded.actors,
  };
}

function formatOverview(shown: Overview): string {
  const actors = shown.actors.map(
    (one) =>
      `  ${one.tenant_id}  ${one.actor_id.padEnd(24)} ${one.display_name.padEnd(8)} ${one.token}\n${" ".repeat(11)}${one.offices.join(", ")}`,
  );
  return [
    "",
    `api           ${shown.api_url}`,
    `docs          ${shown.docs_url}`,
    `Temporal UI   ${shown.temporal_ui_url}`,
    `Temporal      ${shown.temporal_address}`,
    `object store  ${shown.object_store}`,
    `Postgres      ${shown.database_url}`,
    `data, logs    ${shown.data_dir}`,
    "",
    "Actors and their tokens:",
    ...actors,
    "",
    "Try: node bin/ogr.mjs project register P.hello --name Hello    Ctrl-C stops everything.",
  ].join("\n");
}

/** Logs when one of the processes ends by itself. */
function watchProcesses({ servers }: { servers: Servers }, log: (line: string) => void): void {
  for (const child of servers.processes)
    void child.exited.then(({ code, signal }) =>
      log(`${child.name} ended (${signal ?? `exit code ${code}`}); its log is ${child.log.path}`),
    );
}
