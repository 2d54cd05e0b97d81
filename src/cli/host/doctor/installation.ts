import { buildOkFinding, buildProblemFinding, buildWarningFinding, type DoctorFinding, runCheck } from "../../doctor/finding.js";
import { checkTelemetry } from "./telemetry.js";

/** The keys of LAB 256 by the setting that names their file. */
const OWN_KEYS = ["OGR_PERMIT_KEY_FILE", "OGR_STATEMENT_KEY_FILE"] as const;

/** Checks what the environment of a registry process names: the store, the keys, the schema, the telemetry. */
export async function checkInstallation(
  environment: NodeJS.ProcessEnv,
  servedKeyIds: ReadonlySet<string>,
): Promise<readonly DoctorFinding[]> {
  const { OGR_STORE, DATABASE_URL } = environment;
  const parts = await Promise.all([
    OGR_STORE
      ? runCheck("conditional writes", "Use a store that supports conditional writes, and keys that may write staged bytes.", () =>
          checkStore(environment),
        )
      : [],
    DATABASE_URL ? runCheck("schema", "Check that Postgres runs at DATABASE_URL.", () => checkSchema(DATABASE_URL)) : [],
    DATABASE_URL
      ? runCheck("telemetry", "Check that Postgres runs at DATABASE_URL with the schema of this release.", () =>
          checkTelemetry(DATABASE_URL, Date.now()),
        )
      : [],
    ...OWN_KEYS.map((name) => {
      const path = environment[name];
      return path ? runCheck(name, "Restore the key, or name another file.", () => checkSigningKey(name, path, servedKeyIds)) : [];
    }),
  ]);
  return parts.flat();
}

/** Races several creations of one object, of which one must win. Leaves a few bytes under `staging/_probe/`. */
async function checkStore(environment: NodeJS.ProcessEnv): Promise<DoctorFinding> {
  const [{ readConfiguration }, { readStoreConfig, storeSettings }, { openStore }, { probeConditionalWrites }] = await Promise.all([
    import("../../../configuration/read.js"),
    import("../../../configuration/sections/store.js"),
    import("../../../storage/open.js"),
    import("../../../storage/probe.js"),
  ]);
  const store = await openStore(readStoreConfig(readConfiguration(storeSettings, environment)));
  try {
    await probeConditionalWrites(store, "staging");
    return buildOkFinding("conditional writes", `${store.describe()} honours them`);
  } finally {
    await store.close();
  }
}

async function checkSchema(url: string): Promise<DoctorFinding> {
  const [{ openDatabase }, { readSchemaText }, { readFile }, { resolveSourceFile }] = await Promise.all([
    import("../../../lab256/database/database.js"),
    import("../../../lab256/database/schema-text.js"),
    import("node:fs/promises"),
    import("../../../process/source-files.js"),
  ]);
  const db = openDatabase(url, { maxConnections: 1 });
  try {
    if ((await readSchemaText(db)) === (await readFile(resolveSourceFile("config/schemas.sql"), "utf8")))
      return buildOkFinding("schema", "is this release's");
    return buildProblemFinding(
      "schema",
      "The database lacks the schema of this release.",
      "Start the api of this release, which migrates it, or use the ogr of the release that migrated it.",
    );
  } finally {
    await db.destroy();
  }
}

async function checkSigningKey(name: string, path: string, servedKeyIds: ReadonlySet<string>): Promise<DoctorFinding> {
  const { readSigningKey } = await import("../../../configuration/keys.js");
  const { kid } = readSigningKey(path);
  if (servedKeyIds.size === 0)
    return buildWarningFinding(name, `The key ${kid} can be read, but the registry did not say whether it serves it.`, "Start the api.");
  if (servedKeyIds.has(kid)) return buildOkFinding(name, `the key ${kid} is the registry's`);
  return buildProblemFinding(
    name,
    `The registry does not serve the key ${kid}.`,
    "It is another registry's key, or the api runs with another one: compare their settings.",
  );
}
