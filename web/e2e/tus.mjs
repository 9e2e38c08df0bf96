// Sends one file with tus-js-client in each way that it knows: whole, broken off and resumed, in parts beside each
// other, and as a stream whose length nobody knows before its end. Prints the clips as the last line.
// node e2e/tus.mjs SERVER FILE KEY
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { Upload } from "tus-js-client";

const [server, file, key] = process.argv.slice(2);
const CHUNK = 100_000;

/** Sends the file; the path of its clip. */
function send(title, input, options, breaks = false) {
  return new Promise((resolve, reject) => {
    let clip = null;
    let broken = !breaks;
    const upload = new Upload(input, {
      endpoint: `${server}/api/uploads`,
      headers: { Authorization: `Bearer ${key}` },
      metadata: { title, filename: "film.mp4" },
      retryDelays: [0, 100, 500],
      removeFingerprintOnSuccess: true,
      ...options,
      onAfterResponse: (_request, response) => {
        clip = response.getHeader("Content-Location") ?? clip;
      },
      onChunkComplete: () => {
        if (broken) return;
        broken = true;
        upload.abort().then(() => upload.start(), reject);
      },
      onSuccess: () => resolve(clip),
      onError: reject,
    });
    upload.start();
  });
}

const bytes = await readFile(file);
const clips = [
  await send("whole", bytes, {}),
  await send("resumed", bytes, { chunkSize: CHUNK }, true),
  await send("parts", bytes, { parallelUploads: 3 }),
  // Of a file's own stream it would take the length from the file.
  await send("stream", createReadStream(file).pipe(new PassThrough()), { uploadLengthDeferred: true, chunkSize: CHUNK }),
];
console.log(JSON.stringify({ clips }));
