/** Writes the tables of settings into docs/operations/settings.md, between their markers: `node --import tsx scripts/settings-table.ts`. */
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { CONFIGURED_PROCESSES, type ConfiguredProcess, listSettings, type Setting } from "../src/configuration/catalog.js";

const FILE = new URL("../docs/operations/settings.md", import.meta.url);
const [BEGIN, END] = ["<!-- settings: made by scripts/settings-table.ts -->", "<!-- end of settings -->"];

/** Settings with the same meaning for the same processes. */
interface SettingsGroup {
  readonly processes: readonly ConfiguredProcess[];
  readonly settings: readonly Setting[];
}

/** Lists every setting once. The groups that most processes share come first. */
function groupSettingsByProcesses(): readonly SettingsGroup[] {
  const users = new Map<string, { readonly setting: Setting; readonly processes: ConfiguredProcess[] }>();
  for (const process of CONFIGURED_PROCESSES)
    for (const setting of listSettings(process)) {
      const same = JSON.stringify(setting);
      const known = users.get(same);
      if (known === undefined) users.set(same, { setting, processes: [process] });
      else known.processes.push(process);
    }
  const groups = new Map<string, SettingsGroup>();
  for (const { setting, processes } of users.values()) {
    const { settings } = groups.get(processes.join()) ?? { settings: [] };
    groups.set(processes.join(), { processes, settings: [...settings, setting] });
  }
  return [...groups.values()].sort((a, b) => b.processes.length - a.processes.length);
}

/** Formats the tables of docs/operations/settings.md in Markdown. */
export function formatSettingsTables(): string {
  return groupSettingsByProcesses()
    .map(({ processes, settings }) =>
      [`${formatProcessNames(processes)}:`, "", "| variable | default | is |", "|---|---|---|", ...settings.map(formatSettingRow)].join(
        "\n",
      ),
    )
    .join("\n\n");
}

function formatSettingRow({ key, meaning, required, preset, range, onlyWith }: Setting): string {
  const name = required ? `**\`${key}\`**` : `\`${key}\``;
  const limits = range !== undefined && Number.isFinite(range.high) ? `${range.low} to ${range.high}` : "";
  const shown = preset === undefined ? limits : limits === "" ? `\`${preset}\`` : `${preset} (${limits})`;
  return `| ${name} | ${shown} | ${onlyWith === undefined ? "" : `with \`${onlyWith}\`: `}${meaning} |`;
}

function formatProcessNames(processes: readonly ConfiguredProcess[]): string {
  if (processes.length === CONFIGURED_PROCESSES.length) return "All";
  return processes.join(" and ");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const text = await readFile(FILE, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/operations/settings.md lacks the line ${BEGIN} or, after it, ${END}`);
  await writeFile(FILE, `${text.slice(0, begin)}${BEGIN}\n\n${formatSettingsTables()}\n\n${text.slice(end)}`);
}
