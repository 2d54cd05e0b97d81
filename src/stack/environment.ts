const passed = ["PATH", "HOME", "TMPDIR", "NODE_OPTIONS"] as const;

/** The few variables of our own environment that a child may see; everything else is given to it by name. */
export function buildBaseEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(passed.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
