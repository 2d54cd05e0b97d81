import { homedir } from "node:os";
import { join } from "node:path";

/** The CLI's folder of its user: `$OGR_CONFIG_DIR`, else `$XDG_CONFIG_HOME/ogr`, else `~/.config/ogr`. */
export function resolveConfigDirectory(environment: NodeJS.ProcessEnv): string {
  const { OGR_CONFIG_DIR: own, XDG_CONFIG_HOME: xdg } = environment;
  if (own) return own;
  return join(xdg || join(homedir(), ".config"), "ogr");
}

export function resolvePasskeyPath(environment: NodeJS.ProcessEnv): string {
  return join(resolveConfigDirectory(environment), "passkey.json");
}
