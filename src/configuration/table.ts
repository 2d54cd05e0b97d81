import { CONFIGURED_PROCESSES, type ConfiguredProcess, listSettings, type Setting } from "./catalog.js";

/** Settings that the same processes have, with the same meaning. */
export interface SettingsGroup {
  readonly processes: readonly ConfiguredProcess[];
  readonly settings: readonly Setting[];
}

/** Every setting once, with those that the same processes share together; what more processes share stands first. */
export function groupSettingsByProcesses(): readonly SettingsGroup[] {
  const users = new Map<string, { readonly setting: Setting; readonly processes: ConfiguredProcess[] }>();
  for (const process of CONFIGURED_PROCESSES)
    for (const setting of listSettings(process)) {
      const same = JSON.stringify(setting);
      const known = users.get(same);
      if (known === undefined) users.set(same, { setting, processes: [process] });
      else known.processes.push(process);
    }
  const groups = new Map<string, { readonly processes: readonly ConfiguredProcess[]; readonly settings: Setting[] }>();
  for (const { setting, processes } of users.values()) {
    const group = groups.get(processes.join()) ?? { processes, settings: [] };
    groups.set(processes.join(), { ...group, settings: [...group.settings, setting] });
  }
  return [...groups.values()].sort((a, b) => b.processes.length - a.processes.length);
}

/** The tables of docs/operations/settings.md, in Markdown. */
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
