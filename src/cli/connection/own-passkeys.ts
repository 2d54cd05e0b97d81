import type { PasskeyFile } from "../../passkey/file.js";

/** Opens the user's software passkeys. Loaded on demand: WebAuthn is half of the code, and most commands need no passkey. */
export async function openOwnPasskeys(): Promise<PasskeyFile> {
  const [{ openPasskeyFile }, { resolvePasskeyPath }] = await Promise.all([
    import("../../passkey/file.js"),
    import("../../passkey/location.js"),
  ]);
  return openPasskeyFile(resolvePasskeyPath(process.env));
}
