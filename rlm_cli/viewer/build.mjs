// Builds page.html: one file with script and style inside, and a policy that names both by their hashes.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const options = { bundle: true, minify: true, write: false, target: "es2022", charset: "ascii", legalComments: "none" };
const one = async (entry, more = {}) => (await build({ ...options, ...more, entryPoints: [entry] })).outputFiles[0].text.trim();

const script = await one("src/main.ts", { format: "iife" });
const style = await one("src/style.css");
if (/<\/(script|style)/i.test(script + style)) throw new Error("the bundle would end its own element");

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "img-src data:",
  "connect-src 'none'", // `rlm view --serve` writes 'self' here
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const page = readFileSync("src/shell.html", "utf8")
  .replace("{{policy}}", () => policy)
  .replace("{{style}}", () => style)
  .replace("{{script}}", () => script);
writeFileSync(process.argv[2] ?? "page.html", page);
