/**
 * Adds to package-lock.json the optional packages of other platforms that the current npm registry does not serve, so that
 * `npm ci` accepts the lock. They have no integrity, which npm gets from the registry on a machine that needs them.
 *
 *     node scripts/complete-lock.mjs [package-lock.json]
 */
import { readFileSync, writeFileSync } from "node:fs";

const path = process.argv[2] ?? "package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

/** Parses system, processor and C library from the name of a platform package. */
function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = systems.find((system) => words.includes(system));
  const cpu = processors.find((processor) => words.includes(processor));
  const libc = words.includes("musl") ? ["musl"] : os === "linux" && words.includes("gnu") ? ["glibc"] : undefined;
  return { ...(cpu ? { cpu: [cpu] } : {}), ...(libc ? { libc } : {}), ...(os ? { os: [os] } : {}) };
}

let added = 0;
for (const [place, parent] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const found = [`${place}/node_modules/${name}`, `node_modules/${name}`].find((candidate) => lock.packages[candidate]);
    if (found || !/^\d/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), ...(parent.dev ? { dev: true } : {}), optional: true };
    added += 1;
    console.log(`${name} ${version}`);
  }
}
const root = lock.packages[""];
const rest = Object.entries(lock.packages).filter(([place]) => place !== "");
lock.packages = Object.fromEntries([["", root], ...rest.sort(([a], [b]) => a.localeCompare(b, "en"))]);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);
