/*
 * Runs behind "vite build": writes the .gz files that nginx's gzip_static
 * serves, and fails the build when the first load is over its budget.
 */

import { gzipSync } from "node:zlib";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const BUDGET = 120 * 1024;
const dist = resolve(fileURLToPath(import.meta.url), "../../dist");
const compressible = /\.(?:html|js|css|svg|json|txt)$/;
const sizes = new Map();

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !compressible.test(entry.name)) {
    continue;
  }

  const file = join(entry.parentPath, entry.name);
  const packed = gzipSync(readFileSync(file), { level: 9 });

  writeFileSync(`${file}.gz`, packed);
  sizes.set(file, packed.length);
}

/* What the page asks for at once: every script and style index.html names. */
const html = readFileSync(join(dist, "index.html"), "utf8");
const wanted = [...html.matchAll(/(?:src|href)="\.\/([^"]+\.(?:js|css))"/g)].map(
  (match) => join(dist, match[1]),
);
const total = wanted.reduce((sum, file) => sum + (sizes.get(file) ?? NaN), 0);

if (/<script(?![^>]*\bsrc=)|<style|\sstyle=/.test(html)) {
  console.error("index.html holds inline script or style: the policy forbids it");
  process.exit(1);
}

console.log(
  `first load: ${(total / 1024).toFixed(1)} KB of compressed script and style` +
    ` (${wanted.length} files, budget ${BUDGET / 1024} KB)`,
);

if (!(wanted.length > 1 && total <= BUDGET)) {
  console.error("first load is over its budget");
  process.exit(1);
}
