// Are the crates we lean on ones we may and do use? Reads `cargo metadata` from the input and holds it against
// deny.toml: licences, banned crates, no crate from outside a registry, and no dependency that nothing names.
// cargo-deny and cargo-machete know more; this needs nothing but Node, so it always runs.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

const metadata = JSON.parse(readFileSync(0, "utf8"));
const rules = readFileSync("deny.toml", "utf8").replace(/#.*$/gm, "");
const ours = metadata.packages.filter((crate) => metadata.workspace_members.includes(crate.id));
const others = metadata.packages.filter((crate) => !metadata.workspace_members.includes(crate.id));

const allowedLicences = stringsOf("licenses", "allow");
const bannedCrates = stringsOf("bans", "deny");
const complaints = [
  ...others.filter((crate) => !isAllowed(crate.license ?? "")).map((crate) => `${named(crate)}: licence ${crate.license ?? "not stated"}`),
  ...others.filter((crate) => bannedCrates.includes(crate.name)).map((crate) => `${named(crate)}: banned`),
  ...others.filter((crate) => !crate.source?.startsWith("registry+")).map((crate) => `${named(crate)}: not from a registry`),
  ...ours.flatMap((crate) => unused(crate).map((name) => `${crate.name}: nothing in it names its dependency ${name}`)),
];

for (const complaint of complaints) console.error(`  ${complaint}`);
console.error(`  ${others.length} crates, ${complaints.length} complaints`);
process.exitCode = complaints.length === 0 ? 0 : 1;

function named(crate) {
  return `${crate.name} ${crate.version}`;
}

/** The strings of one list in one section of deny.toml, which keeps to this much of TOML. */
function stringsOf(section, key) {
  const body = rules.match(new RegExp(`^\\[${section}\\]$([\\s\\S]*?)(?=^\\[|$(?![\\s\\S]))`, "m"))?.[1] ?? "";
  const list = body.match(new RegExp(`^${key} = \\[([^\\]]*)\\]`, "m"))?.[1];
  if (list === undefined) throw new Error(`deny.toml has no list \`${key}\` in [${section}]`);
  return [...list.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
}

/** An SPDX expression is allowed when its licences that we allow make it true. `/` is the older way to write OR. */
function isAllowed(expression) {
  const tokens = expression.replaceAll("/", " OR ").match(/[()]|\bAND\b|\bOR\b|[^\s()]+(?:\s+WITH\s+[^\s()]+)?/g) ?? [""];
  let next = 0;
  const either = () => {
    let verdict = both();
    while (tokens[next] === "OR") next++, (verdict = both() || verdict);
    return verdict;
  };
  const both = () => {
    let verdict = one();
    while (tokens[next] === "AND") next++, (verdict = one() && verdict);
    return verdict;
  };
  const one = () => {
    const token = tokens[next++];
    if (token !== "(") return allowedLicences.includes(token?.replace(/\s+/g, " "));
    const verdict = either();
    next++;
    return verdict;
  };
  return either() && next === tokens.length;
}

/** Dependencies whose name stands in no source file of the crate. `[package.metadata.cargo-machete]` excuses some. */
function unused(crate) {
  const folder = dirname(crate.manifest_path);
  const source = sourceFiles(folder).map((file) => readFileSync(file, "utf8")).join("\n");
  const excused = crate.metadata?.["cargo-machete"]?.ignored ?? [];
  const names = new Set(crate.dependencies.map((dependency) => dependency.rename ?? dependency.name));
  return [...names].filter((name) => !excused.includes(name) && !new RegExp(`\\b${name.replaceAll("-", "_")}\\b`).test(source));
}

function sourceFiles(folder) {
  const otherCrates = ours.map((crate) => dirname(crate.manifest_path)).filter((other) => other !== folder);
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile()) return entry.name.endsWith(".rs") ? [path] : [];
    const skipped = entry.name.startsWith(".") || ["target", "node_modules"].includes(entry.name) || otherCrates.includes(path);
    return entry.isDirectory() && !skipped ? sourceFiles(path) : [];
  });
}
