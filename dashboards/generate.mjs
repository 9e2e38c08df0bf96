// Writes prometheus/clipper.rules.yml and grafana/*.json from promises.mjs and boards.mjs.
//
//   node dashboards/generate.mjs           writes them
//   node dashboards/generate.mjs --check   complains when what lies there is not what would be written
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { boards } from "./boards.mjs";
import { alerts, burns, objectives, recordings } from "./promises.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const head = "# Made by dashboards/generate.mjs; change promises.mjs instead.\n";
const files = new Map([["prometheus/clipper.rules.yml", head + rules()]]);
for (const board of boards) files.set(`grafana/${board.uid}.json`, `${JSON.stringify(dashboard(board), null, 2)}\n`);

if (process.argv.includes("--check")) {
  const stale = [...files].filter(([name, text]) => read(name) !== text).map(([name]) => name);
  for (const name of stale) console.error(`dashboards/${name} is not what dashboards/generate.mjs makes`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [name, text] of files) {
    mkdirSync(dirname(join(here, name)), { recursive: true });
    writeFileSync(join(here, name), text);
  }
}

function read(name) {
  try {
    return readFileSync(join(here, name), "utf8");
  } catch {
    return undefined;
  }
}

function rules() {
  const windows = [...new Set(burns.flatMap(({ short, long }) => [short, long]))];
  const errors = (window) =>
    objectives.map(({ slo, errors }) => ({ record: `clipper:slo_errors:ratio_rate${window}`, labels: { slo }, expr: errors(window) }));
  const goals = objectives.map(({ slo, objective }) => ({ record: "clipper:slo_objective:ratio", labels: { slo }, expr: `vector(${objective})` }));
  const groups = [
    { name: "clipper", rules: recordings },
    { name: "clipper-slo", rules: [...goals, ...windows.flatMap(errors)] },
    { name: "clipper-burn", rules: burns.map(burn) },
    { name: "clipper-alerts", rules: alerts.map(({ summary, severity, ...rule }) => alert({ ...rule, severity, summary })) },
  ];
  return yaml({ groups });
}

function burn({ severity, factor, long, short, spent }) {
  const quiet = objectives.filter(({ onlyTickets }) => onlyTickets && severity === "page").map(({ slo }) => slo);
  const chosen = quiet.length > 0 ? `{slo!~"${quiet.join("|")}"}` : "";
  const burning = (window) => `clipper:slo_errors:ratio_rate${window}${chosen} > on (slo) group_left () (${factor} * (1 - clipper:slo_objective:ratio))`;
  return alert({
    alert: "BudgetBurns",
    expr: `${burning(long)} and on (slo) ${burning(short)}`,
    for: "2m",
    severity,
    window: long,
    summary: `{{ $labels.slo }}: the error budget burns at more than ${factor} times its rate (${spent})`,
  });
}

function alert({ alert, expr, for: after, severity, summary, window }) {
  const labels = window ? { severity, window } : { severity };
  return { alert, expr, for: after, labels, annotations: { summary, runbook: `docs/runbooks.md#${alert.toLowerCase()}` } };
}

/** Block style; every text as JSON writes it, which YAML reads as the same. */
function yaml(value, indent = "") {
  return Object.entries(value)
    .map(([key, inner]) => {
      if (Array.isArray(inner)) return `${indent}${key}:\n${inner.map((item) => yaml(item, `${indent}    `).replace(/^(\s*) {2}(?=\S)/, "$1- ")).join("")}`;
      if (typeof inner === "object") return `${indent}${key}:\n${yaml(inner, `${indent}  `)}`;
      return `${indent}${key}: ${JSON.stringify(inner)}\n`;
    })
    .join("");
}

function dashboard({ uid, title, about, panels }) {
  return {
    uid,
    title,
    description: about,
    tags: ["clipper"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "",
    annotations: { list: [] },
    links: [{ type: "dashboards", title: "Clipper", tags: ["clipper"], asDropdown: true, includeVars: true, keepTime: true, targetBlank: false, icon: "external link", tooltip: "", url: "" }],
    templating: { list: [source(), instances()] },
    panels: placed(panels).map(panel),
  };
}

function source() {
  return { type: "datasource", name: "datasource", label: "Prometheus", query: "prometheus", hide: 0, refresh: 1, regex: "", multi: false, includeAll: false, skipUrlSync: false };
}

function instances() {
  const query = 'label_values(up{job="clipper"}, instance)';
  return {
    type: "query",
    name: "instance",
    label: "Process",
    datasource: prometheus(),
    query: { query, refId: "instances" },
    current: { selected: true, text: "All", value: "$__all" },
    allValue: ".*",
    hide: 0,
    refresh: 2,
    regex: "",
    sort: 1,
    multi: true,
    includeAll: true,
    skipUrlSync: false,
  };
}

function prometheus() {
  return { type: "prometheus", uid: "${datasource}" };
}

/** From left to right, in rows of 24 columns. */
function placed(panels) {
  let [x, y, height] = [0, 0, 0];
  return panels.map((panel) => {
    if (x + panel.width > 24 || (height && height !== panel.height)) [x, y] = [0, y + height];
    height = panel.height;
    const gridPos = { x, y, w: panel.width, h: height };
    x += panel.width;
    return { ...panel, gridPos };
  });
}

function panel({ type, title, unit, targets, note, gridPos }, index) {
  return {
    id: index + 1,
    type,
    title,
    ...(note ? { description: note } : {}),
    datasource: prometheus(),
    gridPos,
    fieldConfig: { defaults: { unit, ...(unit === "percentunit" ? { max: 1 } : { min: 0 }), ...(type === "timeseries" ? { custom: { lineWidth: 1, fillOpacity: 8, showPoints: "never" } } : {}) }, overrides: [] },
    options:
      type === "stat"
        ? { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, colorMode: "none", graphMode: "area", justifyMode: "auto", orientation: "auto", textMode: "auto" }
        : { legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] }, tooltip: { mode: "multi", sort: "desc" } },
    targets: targets.map(({ expr, legend }, place) => ({
      refId: String.fromCharCode(65 + place),
      datasource: prometheus(),
      editorMode: "code",
      expr,
      legendFormat: legend ?? "__auto",
      range: type !== "stat",
      instant: type === "stat",
    })),
  };
}
