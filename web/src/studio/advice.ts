/** What went wrong with a file, in plain words, and what its maker can do about it. */

export interface Advice {
  title: string;
  todo: string;
  /** The same file may succeed if it is tried again. */
  again: boolean;
}

const ADVICE: Record<string, [title: string, todo: string, again?: "again"]> = {
  not_a_video: ["This is not a video", "Choose a film, a recording or an animation; pictures and documents cannot be played."],
  no_video_stream: ["There is no picture in it", "The file holds only sound. Export it with its picture and upload that."],
  truncated: ["The file is not complete", "A part of it is missing, often because a copy or a recording broke off. Copy it from the device again."],
  too_many_pixels: ["The picture is too large", "Export it smaller; 4K is as much as screens show."],
  too_long: ["The video is too long", "Cut it into parts and upload these."],
  unsupported_codec: ["Its codec is not supported", "Export it as MP4 with H.264 and AAC; every editor can do that."],
  undecodable: ["The video cannot be decoded", "It is damaged or was written wrongly. Export it again; if it plays elsewhere, tell us what made it."],
  encrypted: ["The video is encrypted", "Protected videos cannot be shared. Upload one that is yours to share."],
  empty_source: ["The file is empty", "It holds no bytes. Copy it again, or choose another one."],
  too_large: ["The file is too large", "Export it with a lower bit rate, or cut it into parts."],
  unsupported_media_type: ["This kind of file is not accepted", "Choose a video file."],
  source_exists: ["This clip has its video already", "Upload the file as a new clip."],
  unauthorized: ["You are not signed in any more", "Sign in again at the top right; the upload goes on where it stopped.", "again"],
  forbidden: ["Your key may not upload", "Ask whoever runs this server for a key that may."],
  rate_limited: ["Too many requests", "Wait a minute and try again.", "again"],
  overloaded: ["The server is busy", "Try again in a minute; what was sent is kept.", "again"],
  unreachable: ["The server does not answer", "Check the connection and try again; what was sent is kept.", "again"],
};

/** `detail` is what the server says about this very file. */
export function adviceOn(code: string, detail: string): Advice {
  const known = ADVICE[code];
  if (known) return { title: known[0], todo: known[1], again: known[2] === "again" };
  return { title: detail, todo: "Try again. If it happens once more, tell whoever runs this server.", again: true };
}
