#!/usr/bin/env node
/** The `ogr` command: the built CLI where it was built, else its sources through tsx's loader. */
import { existsSync } from "node:fs";

const built = new URL("../dist/cli/main.js", import.meta.url);
const source = new URL("../src/cli/main.ts", import.meta.url);

if (existsSync(built)) {
  await import(built.href);
} else {
  const { register: registerTsx } = await import("tsx/esm/api").catch((error) => {
    console.error(`The dependencies are not installed (${error.code}): run npm ci first.`);
    process.exit(1);
  });
  registerTsx();
  await import(source.href);
}
