import { type Finding, fine, looked, suspicious, wrong } from "../../doctor/finding.js";
import { telemetryFindings } from "./telemetry.js";

/** The keys of LAB 256 by the setting that names their file. */
const OWN_KEYS = ["OGR_PERMIT_KEY_FILE", "OGR_STATEMENT_KEY_FILE"] as const;

/** What an operator's environment tells the processes, looked at from here: the store, the keys, the schema, the telemetry. */
export async function installationFindings(environment: NodeJS.ProcessEnv, servedKeyIds: ReadonlySet<string>): Promise<readonly Finding[]> {
  const { OGR_STORE, DATABASE_URL } = environment;
  const parts = await Promise.all([
    OGR_STORE
      ? looked("conditional writes", "Use a store that honours conditions, and keys that may write claims.", () =>
          storeFinding(environment),
        )
      : [],
    DATABASE_URL ? looked("schema", "Look whether Postgres runs at DATABASE_URL.", () => schemaFinding(DATABASE_URL)) : [],
    DATABASE_URL
      ? looked("telemetry", "Look whether Postgres runs at DATABASE_URL, with the schema of this release.", () =>
          telemetryFindings(DATABASE_URL, Date.now()),
        )
      : [],
    ...OWN_KEYS.map((name) => {
      const path = environment[name];
      return path ? looked(name, "Restore the key, or name another file.", () => keyFinding(name, path, servedKeyIds)) : [];
    }),
  ]);
  return parts.flat();
}

/** Many at once create one object, and one must win: it leaves a few bytes under `claims/_probe/`. */
async function storeFinding(environment: NodeJS.ProcessEnv): Promise<Finding> {
  const [{ readConfiguration }, { storeConfigOf, storeSettings }, { openStore }, { probeConditionalWrites }] = await Promise.all([
    import("../../../configuration/read.js"),
    import("../../../configuration/sections/store.js"),
    import("../../../storage/open.js"),
    import("../../../storage/probe.js"),
  ]);
  const store = await openStore(storeConfigOf(readConfiguration(storeSettings, environment)));
  try {
    await probeConditionalWrites(store);
    return fine("conditional writes", `${store.describe()} honours them`);
  } finally {
    await store.close();
  }
}

async function schemaFinding(url: string): Promise<Finding> {
  const [{ openDatabase }, { schemaText }, { readFile }, { sourceFile }] = await Promise.all([
    import("../../../lab256/database/database.js"),
    import("../../../lab256/database/schema-text.js"),
    import("node:fs/promises"),
    import("../../../process/source-files.js"),
  ]);
  const db = openDatabase(url, { max_connections: 1 });
  try {
    if ((await schemaText(db)) === (await readFile(sourceFile("config/schemas.sql"), "utf8"))) return fine("schema", "is this release's");
    return wrong(
      "schema",
      "The database has not the schema of this release.",
      "Start the api of this release, which migrates; or use the ogr of the release that migrated it.",
    );
  } finally {
    await db.destroy();
  }
}

async function keyFinding(name: string, path: string, servedKeyIds: ReadonlySet<string>): Promise<Finding> {
  const { readSigningKey } = await import("../../../configuration/keys.js");
  const { kid } = readSigningKey(path);
  if (servedKeyIds.size === 0)
    return suspicious(name, `The key ${kid} can be read; the registry could not be asked whether it serves it.`, "Start the api.");
  if (servedKeyIds.has(kid)) return fine(name, `the key ${kid} is the registry's`);
  return wrong(
    name,
    `The registry at hand does not serve the key ${kid}.`,
    "This is another registry's key, or the api was started with another one: compare their settings.",
  );
}
