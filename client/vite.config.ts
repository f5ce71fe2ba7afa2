import { defineConfig } from "vitest/config";
import react from "@vitejs/plugin-react";

/*
 * base "./": asset addresses are relative, so one build works at "/" and
 * under any prefix.  No asset is inlined, since the policy that nginx sends
 * (default-src 'self') allows no data: addresses.
 */
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  test: {
    include: ["test/**/*.test.ts"],
    environment: "node",
  },
});
