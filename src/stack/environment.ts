const INHERITED_NAMES = ["PATH", "HOME", "TMPDIR", "NODE_OPTIONS"] as const;

/** Picks the few variables of this process's environment that a child inherits. Every other variable is passed to it explicitly. */
export function buildBaseEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(INHERITED_NAMES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
