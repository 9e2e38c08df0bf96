/** The version of these pages, put in by the build from package.json. */
declare const __UI_VERSION__: string;
