// Bundles the explorer into graph/static/graphiql: hashed names, gzipped, with a manifest and the licences of all inside.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "..", "graph", "static", "graphiql");
const monaco = "monaco-editor/esm/vs";
const entries = {
  explorer: "src/main.jsx",
  "editor.worker": `${monaco}/editor/editor.worker.js`,
  "json.worker": `${monaco}/language/json/json.worker.js`,
  "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
};

/** GraphiQL reads the spoken titles of its icons from the names of functions, which minifying takes away. */
const iconTitles = {
  name: "icon-titles",
  setup({ onLoad }) {
    onLoad({ filter: /@graphiql[\\/]react[\\/]dist[\\/]icons[\\/]index\.js$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8")
        .replaceAll(/generateIcon\((Svg\w+)\)/g, 'generateIcon($1, "$1")')
        .replace("function generateIcon(RawComponent)", "function generateIcon(RawComponent, givenName)")
        .replaceAll("RawComponent.name", "givenName");
      if (!contents.includes("givenName.replace")) throw new Error("GraphiQL names its icons in another way now.");
      return { contents };
    });
  },
};

const result = await build({
  absWorkingDir: here,
  entryPoints: Object.entries(entries).map(([name, path]) => ({ in: path, out: name })),
  outdir: out,
  write: false,
  metafile: true,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: ["chrome111", "firefox114", "safari16.4"],
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".ttf": "file" },
  legalComments: "none",
  logLevel: "warning",
  plugins: [iconTitles],
  alias: {
    "prettier/parser-babel": "./src/jsonc_printer.js",
    "prettier/plugins/estree": "./src/jsonc_printer.js",
    "prettier/parser-graphql": "prettier/plugins/graphql",
  },
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

let raw = 0;
let packed = 0;
function keep(name, contents) {
  const gz = gzipSync(contents, { level: 9 });
  gz[9] = 255; // the operating system's mark would make two machines differ
  writeFileSync(join(out, `${name}.gz`), gz);
  raw += contents.length;
  packed += gz.length;
}

const produced = {};
for (const file of result.outputFiles) {
  const name = basename(file.path);
  if (/^part-.*\.css$/.test(name)) continue; // the page's style sheet already has the styles of every part
  const entry = result.metafile.outputs[relative(here, file.path).split(sep).join("/")]?.entryPoint;
  if (entry) produced[name.replace(/-[A-Z0-9]{8}\.js$/, "")] = name;
  else if (/^explorer-.*\.css$/.test(name)) produced.style = name;
  keep(name, file.contents);
}
const icon = readFileSync(join(here, "src", "favicon.svg"));
const iconName = `favicon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
keep(iconName, icon);

const manifest = {
  script: produced.explorer,
  style: produced.style,
  icon: iconName,
  workers: { editor: produced["editor.worker"], json: produced["json.worker"], graphql: produced["graphql.worker"] },
};
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
writeFileSync(join(out, "LICENSES"), licences(Object.keys(result.metafile.inputs)));
console.log(`${result.outputFiles.length + 1} files, ${kb(raw)} as served unpacked, ${kb(packed)} as stored`);
if (process.argv.includes("--sizes")) {
  for (const name of readdirSync(out)) console.log(kb(readFileSync(join(out, name)).length).padStart(9), name);
}

function kb(bytes) {
  return `${Math.round(bytes / 1024)} KB`;
}

/** Every package that has a line in the bundle: name, version, licence, and the licence's text. */
function licences(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const allowed = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0", "(MPL-2.0 OR Apache-2.0)"]);
  const packages = [...folders].map((folder) => {
    const about = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
    if (!allowed.has(about.license)) throw new Error(`${about.name} has the licence ${about.license}`);
    const texts = readdirSync(join(here, folder)).filter((name) => /^(licen[cs]e|notice|thirdparty)/i.test(name));
    return { ...about, texts: texts.sort().map((name) => readFileSync(join(here, folder, name), "utf8").trim()) };
  });
  packages.sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  const full = packages.map(({ name, version, license, author, texts }) => {
    const who = typeof author === "string" ? author : (author?.name ?? "its authors");
    return `== ${name} ${version} (${license})\n\n${texts.join("\n\n") || `Copyright ${who}. The package carries no text of its own.`}`;
  });
  const icons = "codicon-*.ttf is Microsoft's Codicons, by way of monaco-editor: the icons are under CC BY 4.0.";
  return `Packages bundled in this folder.\n\n${icons}\n\n${rows.join("\n")}\n\n${full.join("\n\n")}\n`;
}
