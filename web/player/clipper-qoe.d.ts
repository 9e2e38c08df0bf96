/** Reports to Clipper how well a video played. */

export interface Options {
  /** The clip's UUID or slug, or what else you call it. */
  clip: string;
  /** Where Clipper is; where this file came from, when it is left out. */
  server?: string;
  /** Seconds between signs of life, until the server asks for another pace. */
  interval?: number;
  /** What else is to be known of each moment, such as `{mode: "theatre"}`. */
  more?: () => Record<string, unknown>;
}

export interface Reporter {
  /** The session's id, for your own records. */
  readonly session: string;
  /** Playback was given up; nothing is reported after it. */
  failed(code: string): void;
  /** The viewer is done here, though the page stays. */
  stop(): void;
}

/** What is used of hls.js; any build of it will do. */
export interface HlsLike {
  media: HTMLMediaElement | null;
  levels: { url?: string[] | string; uri?: string; width?: number; height?: number; bitrate: number }[];
  currentLevel: number;
  autoLevelEnabled: boolean;
  bandwidthEstimate: number;
  on(event: any, listener: (event: any, data: any) => void): void;
  off(event: any, listener: (event: any, data: any) => void): void;
}

export const VERSION: string;

/** Reports what hls.js plays. Call it once the element is attached, before playback is asked for. */
export function reportHls(hls: HlsLike, options: Options): Reporter;

/** Reports any media element; bit rates and renditions stay unknown unless `more` says them. */
export function reportElement(video: HTMLVideoElement, options: Options & { player?: string }): Reporter;
