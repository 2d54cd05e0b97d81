import type { PasskeyFile } from "../../passkey/file.js";

/** The software passkeys of the user. Loaded late: most commands need none, and WebAuthn is half of what there is to load. */
export async function openOwnPasskeys(): Promise<PasskeyFile> {
  const [{ openPasskeyFile }, { resolvePasskeyPath }] = await Promise.all([
    import("../../passkey/file.js"),
    import("../../passkey/location.js"),
  ]);
  return openPasskeyFile(resolvePasskeyPath(process.env));
}
