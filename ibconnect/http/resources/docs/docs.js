// Renders /v1/openapi.json and sends requests from it. No library, no other host; the token stays in this page.

const LIMIT = 20000;
const token = document.getElementById("token");

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

// Descriptions hold plain text with `code`.
function prose(text) {
  return (text || "").split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function firstValue(parameter) {
  const value = Array.isArray(parameter.example) ? parameter.example.join(",") : parameter.example;
  return parameter.in === "path" || parameter.required ? (value ?? "") : "";
}

function field(parameter, id) {
  const schema = parameter.schema.items || parameter.schema;
  const hint = Array.isArray(parameter.example) ? parameter.example.join(",") : parameter.example;
  if (schema.enum && parameter.schema.type !== "array") {
    const options = schema.enum.map((name) => element("option", {}, name));
    return element("select", { id, name: parameter.name }, ...(parameter.required ? [] : [element("option", { value: "" }, "")]), ...options);
  }
  return element("input", { id, name: parameter.name, value: firstValue(parameter), placeholder: hint ?? "", spellcheck: "false" });
}

function parameterRows(operation) {
  return operation.parameters.flatMap((parameter) => {
    const id = `${operation.operationId}-${parameter.name}`;
    const place = parameter.required ? `${parameter.in}, required` : parameter.in;
    return [
      element("label", { for: id }, parameter.name, element("br"), element("small", {}, place)),
      field(parameter, id),
      element("div", { class: "says" }, ...prose(parameter.description)),
    ];
  });
}

function request(path, operation, form) {
  let url = path;
  const query = new URLSearchParams();
  const headers = {};
  for (const parameter of operation.parameters) {
    const value = form.elements.namedItem(parameter.name).value.trim();
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value).replaceAll("%3A", ":"));
    else if (value && parameter.in === "query") query.append(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const accept = form.elements.namedItem("Accept");
  if (accept && !query.has("format")) headers.Accept = accept.value;
  // Relative to the page, which a proxy may show below a path of its own.
  url = new URL(`.${url}`, location.href).href;
  return { url: query.size ? `${url}?${query}` : url, headers };
}

function asCurl({ url, headers }) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const all = token.value ? { ...headers, Authorization: "Bearer $TOKEN" } : headers;
  const flags = Object.entries(all).map(([name, value]) =>
    name === "Authorization" ? `-H "${name}: ${value}"` : `-H ${quoted(`${name}: ${value}`)}`);
  return ["curl -L", ...flags, quoted(url)].join(" ");
}

// Streams may never end: stop after a screenful.
async function start(response, abort) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const timer = setTimeout(() => abort.abort(), 10000);
  try {
    while (text.length < LIMIT) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
    }
    abort.abort();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    clearTimeout(timer);
  }
  return `${text.slice(0, LIMIT)}\n…`;
}

// Indents JSON without parsing its numbers, which would round them.
function indented(text) {
  let depth = 0;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g, (mark) => {
    if (mark === "," ) return `,\n${"  ".repeat(depth)}`;
    if (mark === ":") return ": ";
    if (mark === "{" || mark === "[") return `${mark}\n${"  ".repeat(++depth)}`;
    if (mark === "}" || mark === "]") return `\n${"  ".repeat(--depth)}${mark}`;
    return mark;
  }).replace(/([{[])\s+([}\]])/g, "$1$2");
}

// A table that is no text, to be saved under the name that the answer gives.
async function file(response) {
  const [, name] = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") || "") || [];
  const blob = await response.blob();
  return element("a", { href: URL.createObjectURL(blob), download: name || "table" }, `Save ${name} (${blob.size} bytes)`);
}

async function send(path, operation, form, output) {
  const made = request(path, operation, form);
  const abort = new AbortController();
  const headers = token.value ? { ...made.headers, Authorization: `Bearer ${token.value}` } : made.headers;
  output.replaceChildren("Waiting …");
  const begun = performance.now();
  try {
    const response = await fetch(made.url, { headers, signal: abort.signal, cache: "no-store" });
    const type = response.headers.get("Content-Type") || "";
    const isFile = response.ok && type.startsWith("application/vnd.apache.");
    const text = isFile ? "" : await start(response, abort);
    const shown = type.includes("json") && !type.includes("ndjson") && !text.endsWith("\n…") ? indented(text) : text;
    const to = response.redirected ? ` from ${response.url}` : "";
    output.replaceChildren(
      element("div", {}, element("span", { class: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`),
        ` in ${Math.round(performance.now() - begun)} ms${to}`),
      isFile ? await file(response) : element("pre", {}, shown || "(no body)"));
  } catch (error) {
    output.replaceChildren(element("span", { class: "status bad" }, String(error)));
  }
}

function tryIt(path, operation) {
  const output = element("div", { "aria-live": "polite" });
  const media = Object.keys(operation.responses["200"]?.content || {});
  const accept = media.length > 1 && element("select", { name: "Accept", "aria-label": "Accept" }, ...media.map((type) => element("option", {}, type)));
  const form = element("form", { autocomplete: "off" },
    element("div", { class: "parameters" }, ...parameterRows(operation)),
    element("div", { class: "actions" }, element("button", {}, "Try it"), ...(accept ? [accept] : []),
      element("button", { type: "button", class: "quiet", onclick: () => output.replaceChildren(element("pre", {}, asCurl(request(path, operation, form)))) }, "as curl")));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(path, operation, form, output); });
  return [form, output];
}

function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, answer]) =>
    element("tr", {}, element("td", {}, status), element("td", {}, ...prose(answer.description))));
  return element("details", {}, element("summary", {}, "Answers"), element("table", {}, ...rows));
}

function example(operation) {
  const content = operation.responses["200"]?.content || {};
  const [, found] = Object.entries(content).find(([, media]) => media.example !== undefined) || [];
  if (!found) return undefined;
  const text = typeof found.example === "string" ? found.example : JSON.stringify(found.example, null, 2);
  return element("details", {}, element("summary", {}, "Example"), element("pre", {}, text));
}

function article(path, operation) {
  return element("article", { id: operation.operationId },
    element("h3", {}, operation.summary),
    element("div", { class: "path" }, element("span", { class: "method" }, "GET"), element("span", {}, path)),
    element("p", {}, ...prose(operation.description)),
    ...tryIt(path, operation), example(operation), answers(operation));
}

// What each tag means: the schema says it for programs, this for people.
function meanings({ properties }) {
  const head = ["Tag", "Unit", "Sign", "What it is", "How it differs"].map((name) => element("th", {}, name));
  const rows = Object.entries(properties).map(([tag, says]) => {
    const source = says["x-reference"] ? element("a", { href: says["x-reference"], rel: "noreferrer" }, says["x-source"]) : says["x-source"];
    return element("tr", { id: `tag-${tag}` }, element("td", {}, element("code", {}, tag)), element("td", {}, says["x-unit"]),
      element("td", {}, says["x-sign"] ?? ""), element("td", {}, says["x-meaning"], element("br"), element("small", {}, source)),
      element("td", {}, says["x-differs"] ?? ""));
  });
  return element("article", { id: "tags" }, element("h3", {}, "What each tag means"),
    element("table", { class: "meanings" }, element("tr", {}, ...head), ...rows));
}

function render(description) {
  document.getElementById("version").textContent = description.info.version;
  document.getElementById("about").textContent = description.info.description;
  const contents = document.getElementById("contents");
  const operations = document.getElementById("operations");
  operations.replaceChildren();
  for (const tag of description.tags) {
    contents.append(element("h2", {}, tag.name));
    operations.append(element("h2", {}, tag.name), element("p", {}, tag.description));
    for (const [path, { get }] of Object.entries(description.paths)) {
      if (!get || !get.tags.includes(tag.name)) continue;
      contents.append(element("a", { href: `#${get.operationId}` }, get.summary));
      operations.append(article(path, get));
    }
  }
  const figures = description.components.schemas.Tag?.["x-figures"];
  if (figures) {
    contents.append(element("h2", {}, "Tags"), element("a", { href: "#tags" }, "What each tag means"));
    operations.append(element("h2", {}, "Tags"), element("p", {}, ...prose(figures.description)), meanings(figures));
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  render(await (await fetch("v1/openapi.json")).json());
} catch (error) {
  document.getElementById("operations").textContent = `The description could not be loaded: ${error}`;
}
