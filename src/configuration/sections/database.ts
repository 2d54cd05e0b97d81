import { z } from "zod";
import { buildRequiredText, describeSecretSetting, describeSetting } from "../environment.js";

/** Only LAB 256 opens Postgres. */
export const databaseSettings = {
  DATABASE_URL: describeSecretSetting(
    buildRequiredText("the address of Postgres (`postgresql://…`)"),
    "Postgres; TLS with `?sslmode=verify-full`",
  ),
  OGR_DATABASE_CA_FILE: describeSetting(
    z.string().optional(),
    "certificates (PEM) to trust instead of the system's; implies `sslmode=verify-full`",
  ),
};

/** The address of Postgres with its TLS parameters. */
export function toDatabaseUrl(settings: { readonly DATABASE_URL: string; readonly OGR_DATABASE_CA_FILE?: string | undefined }): string {
  const { DATABASE_URL: address, OGR_DATABASE_CA_FILE: ca } = settings;
  if (ca === undefined) return address;
  const url = new URL(address);
  url.searchParams.set("sslmode", "verify-full");
  url.searchParams.set("sslrootcert", ca);
  return url.href;
}
