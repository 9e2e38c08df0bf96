/** The API, read from the description that the server gives of itself. */
import { element } from "../page/element";
import { openPage } from "../page/header";
import { statePanel } from "../page/state";
import { curl, entriesOf, namedIn, typeName, type Content, type Description, type Entry, type Parameter, type Schema } from "./document";

const SOURCE = "/api/openapi.json";
const main = openPage();
void open();

async function open(): Promise<void> {
  try {
    const response = await fetch(SOURCE);
    if (!response.ok) throw new Error(`${SOURCE} answers ${response.status}`);
    draw((await response.json()) as Description);
  } catch (error) {
    main.replaceChildren(statePanel("The description could not be read", String(error), { label: "Try again", run: () => void open() }));
  }
}

function draw(document: Description): void {
  const sections = document.tags.map(({ name, description }) => {
    const entries = entriesOf(document, name);
    return { name, description, entries };
  });
  const contents = element(
    "nav",
    { class: "contents", "aria-label": "Contents" },
    ...sections.map(({ name, entries }) =>
      element(
        "details",
        { open: true },
        element("summary", {}, name),
        element("ul", {}, ...entries.map((entry) => element("li", {}, element("a", { href: `#${entry.operation.operationId}` }, ...spoken(entry.operation.summary))))),
      ),
    ),
  );
  const body = element(
    "div",
    { class: "operations" },
    element("h1", {}, `${document.info.title} API`),
    element("p", { class: "meta" }, `Version ${document.info.version}. `, element("a", { href: SOURCE }, "OpenAPI 3.1"), ", for clients and their generators."),
    ...sections.map(({ name, description, entries }) =>
      element(
        "section",
        { "aria-labelledby": name },
        element("h2", { id: name }, name),
        element("p", {}, ...spoken(description)),
        ...entries.map((entry) => operation(entry, document.components.schemas)),
      ),
    ),
  );
  main.replaceChildren(element("div", { class: "reference" }, contents, body));
  if (location.hash) globalThis.document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function operation(entry: Entry, schemas: Record<string, Schema>): HTMLElement {
  const { method, path, operation } = entry;
  const { parameters, requestBody, responses } = operation;
  return element(
    "article",
    { id: operation.operationId, class: "operation" },
    element("h3", {}, ...spoken(operation.summary)),
    element("p", { class: "address" }, element("b", { class: `method ${method}` }, method.toUpperCase()), " ", element("code", {}, path)),
    element("p", { class: "meta" }, ...spoken(operation.description)),
    parameters.length ? table("Parameters", ["Name", "In", "Type", ""], parameters.map(parameter)) : null,
    requestBody ? element("p", {}, element("b", {}, "Body"), requestBody.required ? ": " : ", may be left out: ", ...kinds(requestBody.content)) : null,
    table(
      "Answers",
      ["Status", "Body", ""],
      Object.entries(responses).map(([status, { description, content }]) => [status, ...(content ? [kinds(content)] : [[]]), spoken(description)]),
    ),
    ...types(entry, schemas),
    element("pre", { tabindex: 0 }, element("code", {}, curl(location.origin, entry))),
  );
}

type Cell = string | (Node | string)[];

function parameter({ name, in: where, required, description, schema }: Parameter): Cell[] {
  return [[element("code", {}, name), ...(required ? [" ", element("span", { class: "meta" }, "required")] : [])], where, typeName(schema), spoken(description ?? "")];
}

function kinds(content: Content): (Node | string)[] {
  return Object.entries(content).flatMap(([media, { schema }], at) => [...(at ? [", "] : []), element("code", {}, media), ...(Object.keys(schema).length ? [` ${typeName(schema)}`] : [])]);
}

/** The types of what is sent and answered, with every type within them. */
function types({ operation }: Entry, schemas: Record<string, Schema>): HTMLElement[] {
  const contents = [operation.requestBody?.content, ...Object.entries(operation.responses).map(([status, { content }]) => (status < "400" ? content : undefined))];
  const found = new Map<string, Schema>();
  for (const content of contents) for (const { schema } of Object.values(content ?? {})) namedIn(schema, schemas, found);
  return [...found].map(([name, schema]) =>
    element(
      "details",
      { class: "type" },
      element("summary", {}, name),
      table(
        name,
        ["Field", "Type", ""],
        Object.entries(schema.properties ?? {}).map(([field, type]) => [[element("code", {}, field)], typeName(type), spoken(type.description ?? "")]),
        true,
      ),
    ),
  );
}

function table(caption: string, head: string[], rows: Cell[][], quiet = false): HTMLElement {
  return element(
    "div",
    { class: "scrolls", tabindex: 0, role: "group", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", { class: quiet ? "visually-hidden" : null }, caption),
      element("thead", { class: "visually-hidden" }, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text || "What it says")))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, ...[cell].flat()))))),
    ),
  );
}

/** Text in which backquotes mark what is to be typed. */
function spoken(text: string): (Node | string)[] {
  return text.split("`").map((part, at) => (at % 2 ? element("code", {}, part) : part));
}
