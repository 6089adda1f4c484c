/**
 * Bundles the page: `node build.mjs DIRECTORY` (or `--watch DIRECTORY`, unminified, while one works on it).
 *
 * In: src/main.tsx with what it imports, index.html. Out, in the empty directory: index.html, app-<hash>.js,
 * app-<hash>.css, the parts that are loaded when needed, LICENSES.txt of everything bundled, and manifest.json
 * (name: bytes as compressed by brotli). The same sources give the same bytes. Called by tools/page.py.
 */

import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const watches = process.argv[2] === "--watch";
const target = path.resolve(process.argv[watches ? 3 : 2] ?? "");

const byName = ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0);

/** What the page loads first: the entry, its style sheet, and the parts that the entry always imports. */
function firstFiles(outputs) {
  const [entry, about] = Object.entries(outputs).find(([, output]) => output.entryPoint === "src/main.tsx");
  const needed = new Set();
  const follow = (output) => {
    for (const { path: file, kind } of output.imports) {
      if (kind === "import-statement" && !needed.has(file)) {
        needed.add(file);
        follow(outputs[file]);
      }
    }
  };
  follow(about);
  return { entry, style: about.cssBundle, needed: [...needed].sort() };
}

/** All addresses are relative, so that the page works below any path of a reverse proxy. */
async function writeIndex(outputs) {
  const { entry, style, needed } = firstFiles(outputs);
  const address = (file) => `page/${path.basename(file)}`;
  const head = [
    ...(style ? [`<link rel="stylesheet" href="${address(style)}">`] : []),
    `<script type="module" src="${address(entry)}"></script>`,
    ...needed.map((file) => `<link rel="modulepreload" href="${address(file)}">`),
  ];
  const template = await readFile(path.join(here, "index.html"), "utf8");
  await writeFile(path.join(target, "index.html"), template.replace("<!--head-->", head.join("\n    ")));
}

/** The packages whose files are in the bundle, with their licences as they ship them. */
async function writeLicences(inputs) {
  const packages = new Map();
  for (const file of Object.keys(inputs)) {
    const found = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(file);
    if (found) packages.set(found[2], path.join(here, found[1]));
  }
  const texts = [];
  for (const [name, directory] of [...packages].sort(byName)) {
    const about = JSON.parse(await readFile(path.join(directory, "package.json"), "utf8"));
    const files = (await readdir(directory)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
    if (files.length === 0) throw new Error(`${name} ships no licence: it cannot be bundled`);
    const own = await Promise.all(files.map((file) => readFile(path.join(directory, file), "utf8")));
    texts.push(`${name} ${about.version} (${about.license})\n\n${own.map((text) => text.trim()).join("\n\n")}\n`);
  }
  const introduction = "The page of ibconnect holds these libraries.\n";
  await writeFile(path.join(target, "LICENSES.txt"), [introduction, ...texts].join(`\n${"-".repeat(80)}\n\n`));
}

async function writeManifest() {
  const sizes = [];
  for (const name of (await readdir(target)).filter((file) => file !== "manifest.json").sort()) {
    const bytes = await readFile(path.join(target, name));
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
    sizes.push([name, brotliCompressSync(bytes, options).length]);
  }
  await writeFile(path.join(target, "manifest.json"), `${JSON.stringify(Object.fromEntries(sizes), null, 2)}\n`);
}

const finish = {
  name: "finish",
  setup(build) {
    build.onEnd(async ({ errors, metafile }) => {
      if (errors.length > 0) return;
      await writeIndex(metafile.outputs);
      await writeLicences(metafile.inputs);
      await writeManifest();
    });
  },
};

const options = {
  absWorkingDir: here,
  entryPoints: [{ in: "src/main.tsx", out: "app" }],
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome111", "firefox114", "safari16.4"],
  minify: !watches,
  sourcemap: false,
  legalComments: "none",
  charset: "utf8",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "dataurl", ".png": "dataurl" },
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  logLevel: "warning",
  plugins: [finish],
};

if (process.argv.length < 3 || target === here) throw new Error("usage: node build.mjs [--watch] DIRECTORY");
if (watches) {
  await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(options);
}
