import { defineConfig } from "vite";

/** The reporting library as one file, with its package beside it; goes into the program with the pages. */
export default defineConfig({
  publicDir: "player",
  build: {
    outDir: "dist/player",
    emptyOutDir: true,
    target: "es2022",
    lib: { entry: "src/qoe/module.ts", formats: ["es"], fileName: () => "clipper-qoe.js" },
  },
});
