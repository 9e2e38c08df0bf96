import { defineConfig, type Plugin } from "vite";

const API = process.env.CLIPPER_URL ?? "http://127.0.0.1:8080";

const PAGES = ["watch", "embed", "studio", "insights", "ops", "reference"];

/** The server maps its page routes onto the built files; the dev server has to do the same. */
function pageRoutes(): Plugin {
  return {
    name: "clipper-page-routes",
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const path = (request.url ?? "/").split("?")[0] ?? "/";
        if (path === "/upload") request.url = "/studio.html";
        const page = PAGES.find((page) => path === `/${page}` || path.startsWith(`/${page}/`));
        if (page) request.url = `/${page}.html`;
        next();
      });
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [pageRoutes()],
  define: { __UI_VERSION__: JSON.stringify(process.env.npm_package_version ?? "0") },
  build: {
    outDir: "dist",
    target: "es2022",
    // Inlined data: URIs would need a looser Content-Security-Policy than 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: { input: ["index.html", ...PAGES.map((page) => `${page}.html`)] },
  },
  server: { proxy: { "/api": API } },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
